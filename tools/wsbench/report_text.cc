#include <fmt/format.h>

#include <array>
#include <iterator>

#include "wsbench/report.h"

namespace wskit::bench {
namespace {

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

std::string counted(std::uint64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(number), noun, number == 1 ? "" : "s");
}

std::string seconds(Nanos nanos) { return cli::format_duration(std::chrono::nanoseconds(nanos)); }

std::string describe_fanout(const FanoutPlan& plan) {
  const Topology& topology = plan.crew.topology;
  std::string text = fmt::format(
      "{} to {} to {}, {} B, ", counted(topology.publishers, "publisher"),
      counted(topology.channels, "channel"),
      topology.subscribers == 0 ? "nobody (acknowledgements)" : counted(topology.subscribers, "subscriber"),
      plan.crew.delivered_bytes);
  if (plan.crew.window) {
    text += fmt::format("closed loop, {} in flight", *plan.crew.window);
    if (topology.publishers > 1) text += " each";
  } else if (plan.arrival.kind == Arrival::Kind::kBurst) {
    text += fmt::format("open loop, {} events every {}", plan.arrival.burst, seconds(plan.arrival.period));
  } else {
    text += fmt::format("open loop, {:g} events/s{}{}", plan.rate, topology.publishers > 1 ? " each" : "",
                        plan.arrival.kind == Arrival::Kind::kPoisson ? " (poisson)" : "");
  }
  return text;
}

std::string describe_rounds(const Settings& settings) {
  std::string text = counted(settings.rounds, "round");
  switch (settings.scenario) {
    case Scenario::kFanout:
      return text + fmt::format(" of {} after {} of warm-up", seconds(settings.fanout.duration),
                                seconds(settings.fanout.warm_up));
    case Scenario::kIdle:
      return text + fmt::format(", held for {}", seconds(settings.hold));
    case Scenario::kConnect:
      return text;
  }
  return text;
}

std::string describe_cpus(const std::vector<int>& cpus) {
  return cpus.empty() ? std::string("not pinned") : fmt::format("cpu {}", fmt::join(cpus, ","));
}

std::string headline(const Settings& settings) {
  const CrewPlan& crew = settings.fanout.crew;
  std::string text = fmt::format("wsbench {}: ", name_of(settings.scenario));
  if (settings.scenario == Scenario::kFanout) {
    text += describe_fanout(settings.fanout);
  } else {
    text += counted(crew.topology.subscribers, "connection");
    text += crew.subscribe ? fmt::format(", subscribed to {}", counted(crew.topology.channels, "channel"))
                           : std::string(", not subscribed");
  }
  return fmt::format("{}\n{}; server {}, client {} ({})\n", text, describe_rounds(settings),
                     describe_cpus(settings.server_cpus), counted(crew.threads, "thread"),
                     describe_cpus(crew.cpus));
}

// The rows of the table, in their order; those that were not measured are left out.
constexpr std::array kRows = {
    "delivery.rate",
    "pub.ack_rate",
    "pub.rate",
    "server.cpu",
    "server.cpu_us_per_delivery",
    "server.cpu_us_per_ack",
    "delivery.latency.p50",
    "delivery.latency.p90",
    "delivery.latency.p99",
    "delivery.latency.p999",
    "delivery.latency.max",
    "delivery.service.p50",
    "delivery.service.p99",
    "pub.ack.p50",
    "pub.ack.p99",
    "pub.ack.p999",
    "pub.lag.p99",
    "delivery.bytes",
    "conn.rate",
    "server.cpu_us_per_conn",
    "conn.tcp.p50",
    "conn.tls.p50",
    "conn.upgrade.p50",
    "conn.upgrade.p99",
    "conn.subscribe.p50",
    "conn.subscribe.p99",
    "server.rss_per_conn",
    "server.rss",
    "client.cpu_max_thread",
};

// How connections opened is the point of their own scenarios only.
bool is_shown(std::string_view metric, Scenario scenario) {
  const bool about_connections = metric.starts_with("conn.");
  return !about_connections || scenario != Scenario::kFanout;
}

std::string cell(const std::optional<Spread>& spread, Unit unit) {
  return spread ? format_metric(spread->median, unit) : std::string("-");
}

std::string range(const Spread& spread, Unit unit) {
  return fmt::format("{} .. {}", format_metric(spread.least, unit), format_metric(spread.most, unit));
}

void append_table(const Report& report, std::string& text) {
  const Summary& summary = report.summary;
  const bool several = report.settings.rounds > 1;
  auto out = std::back_inserter(text);
  fmt::format_to(out, "\n{:<27}{:>12}", several ? "medians" : "", "server");
  if (summary.limit) fmt::format_to(out, "{:>12}{:>14}", "limit", "server/limit");
  if (several) fmt::format_to(out, "   {}", "least .. most of the server");
  text += '\n';
  for (const std::string_view metric : kRows) {
    const auto server = summary.server ? summary.server->find(metric) : std::nullopt;
    const auto limit = summary.limit ? summary.limit->find(metric) : std::nullopt;
    if ((!server && !limit) || !is_shown(metric, report.settings.scenario)) continue;
    const Unit unit = unit_of(metric).value_or(Unit::kCount);
    fmt::format_to(out, "{:<27}{:>12}", metric, cell(server, unit));
    if (summary.limit) {
      const auto ratio = summary.ratio(metric);
      fmt::format_to(out, "{:>12}{:>14}", cell(limit, unit),
                     ratio ? fmt::format("{:.2f}", ratio->median) : "-");
    }
    if (several && server) fmt::format_to(out, "   {}", range(*server, unit));
    text += '\n';
  }
}

void append_notes(const Report& report, std::string& text) {
  const Summary& summary = report.summary;
  auto out = std::back_inserter(text);
  if (const auto ratio = summary.ratio(summary.rate_metric()); ratio && report.settings.fanout.crew.window) {
    fmt::format_to(out, "\nlimit.share {:.3f} of what this machine can do ({:.3f} .. {:.3f} by round)\n",
                   ratio->median, ratio->least, ratio->most);
  }
  if (report.settings.fanout.crew.window && report.settings.scenario == Scenario::kFanout) {
    text += "closed loop: times are from send to receive under full load, no latency of an arriving event\n";
  }
  if (summary.find("server.rss_per_conn")) {
    text +=
        "server.rss_per_conn: growth of the process's anonymous memory; the kernel's sockets are not in it\n";
  }
}

void append_verdict(const Report& report, std::string& text) {
  const Verdict& verdict = report.verdict;
  auto out = std::back_inserter(text);
  if (report.settings.scenario == Scenario::kFanout && report.summary.server) {
    const Faults& faults = verdict.faults;
    fmt::format_to(out, "lost {}, duplicate {}, reordered {}, corrupt {}\n", grouped(faults.lost),
                   grouped(faults.duplicate), grouped(faults.reordered), grouped(faults.corrupt));
  }
  for (const SloVerdict& slo : verdict.slos) {
    const Unit unit = unit_of(slo.slo.metric).value_or(Unit::kCount);
    fmt::format_to(out, "slo {}: {}\n", slo.slo.text,
                   !slo.value ? std::string("inconclusive, not measured or too few samples")
                              : fmt::format("{} ({})", slo.passed() ? "passed" : "FAILED",
                                            format_metric(*slo.value, unit)));
  }
  const auto limited = [&](const std::optional<Contender>& contender, std::string_view name) {
    if (!contender || contender->client_limited().empty()) return;
    fmt::format_to(out, "client limited ({}): {}; the server may be faster than this says\n", name,
                   contender->client_limited());
  };
  limited(report.summary.server, "server");
  limited(report.summary.limit, "limit");
  if (!verdict.disturbed.empty()) {
    fmt::format_to(out, "disturbed: {}; something else is running on this machine\n", verdict.disturbed);
  }
  if (verdict.interrupted) text += "interrupted: this is what was measured until then\n";
}

}  // namespace

std::string to_text(const Report& report) {
  std::string text = headline(report.settings);
  append_table(report, text);
  append_notes(report, text);
  append_verdict(report, text);
  return text;
}

}  // namespace wskit::bench
