#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "common/text.h"
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

std::string grouped_count(std::uint64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(number), noun, plural_ending(number));
}

std::string seconds(Nanos nanos) { return cli::format_duration(std::chrono::nanoseconds(nanos)); }

std::string describe_fanout(const FanoutPlan& plan) {
  const Topology& topology = plan.crew.topology;
  std::string text =
      fmt::format("{} to {} to {}, {} B, ", grouped_count(topology.publishers, "publisher"),
                  grouped_count(topology.channels, "channel"),
                  topology.subscribers == 0 ? "nobody (acknowledgements)"
                                            : grouped_count(topology.subscribers, "subscriber"),
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
  std::string text = grouped_count(settings.rounds, "round");
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
    text += grouped_count(crew.topology.subscribers, "connection");
    text += crew.subscribe
                ? fmt::format(", subscribed to {}", grouped_count(crew.topology.channels, "channel"))
                : std::string(", not subscribed");
  }
  return fmt::format("{}\n{}; server {}, client {} ({})\n", text, describe_rounds(settings),
                     describe_cpus(settings.server_cpus), grouped_count(crew.threads, "thread"),
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

// How the numbers of a row are written: all of them in one unit.
struct Scale {
  std::string_view unit;
  double factor = 1;
  int decimals = 0;

  [[nodiscard]] std::string write(double value) const {
    std::string text = fmt::format("{:.{}f}", value * factor, decimals);
    const std::size_t end = std::min(text.find('.'), text.size());
    for (auto at = static_cast<std::ptrdiff_t>(end) - 3; at > (value < 0 ? 1 : 0); at -= 3) {
      text.insert(static_cast<std::size_t>(at), 1, ',');
    }
    return text;
  }
};

Scale scale_of(Unit unit, double largest) {
  switch (unit) {
    case Unit::kCount:
      return {"", 1, 0};
    case Unit::kPerSecond:
      return {"/s", 1, largest < 1000 ? 1 : 0};
    case Unit::kNanos:
      if (largest < 1e6) return {"us", 1e-3, 1};
      return largest < 1e10 ? Scale{"ms", 1e-6, 3} : Scale{"s", 1e-9, 3};
    case Unit::kMicros:
      return {"us", 1, 3};
    case Unit::kBytes:
      if (largest < 10 * 1024) return {"B", 1, 0};
      return largest < 10 * 1024 * 1024 ? Scale{"KiB", 1.0 / 1024, 1} : Scale{"MiB", 1.0 / 1024 / 1024, 1};
    case Unit::kRatio:
      return {"", 1, 3};
  }
  return {};
}

std::string cell(const std::optional<Spread>& spread, const Scale& scale) {
  return spread ? scale.write(spread->median) : std::string("-");
}

std::string range(const Spread& spread, const Scale& scale) {
  return fmt::format("{} .. {}", scale.write(spread.least), scale.write(spread.most));
}

struct Row {
  std::string_view metric;
  Unit unit;
  std::optional<Spread> server;
  std::optional<Spread> limit;

  [[nodiscard]] double largest() const {
    return std::max(server ? server->most : 0, limit ? limit->most : 0);
  }
};

std::vector<Row> rows_of(const Report& report) {
  const Summary& summary = report.summary;
  std::vector<Row> rows;
  for (const std::string_view metric : kRows) {
    Row row{.metric = metric,
            .unit = unit_of(metric).value_or(Unit::kCount),
            .server = summary.server ? summary.server->find(metric) : std::nullopt,
            .limit = summary.limit ? summary.limit->find(metric) : std::nullopt};
    if ((row.server || row.limit) && is_shown(metric, report.settings.scenario)) rows.push_back(row);
  }
  return rows;
}

void append_table(const Report& report, std::string& text) {
  const Summary& summary = report.summary;
  const bool several = report.settings.rounds > 1;
  auto out = std::back_inserter(text);
  const std::vector<Row> rows = rows_of(report);
  double longest = 0;  // of all times, which are compared with each other
  for (const Row& row : rows) longest = std::max(longest, row.unit == Unit::kNanos ? row.largest() : 0);
  fmt::format_to(out, "\n{:<27}{:<4}{:>12}", several ? "medians" : "", "", "server");
  if (summary.limit) fmt::format_to(out, "{:>12}{:>14}", "limit", "server/limit");
  if (several) fmt::format_to(out, "   {}", "least .. most of the server");
  text += '\n';
  for (const Row& row : rows) {
    const Scale scale = scale_of(row.unit, row.unit == Unit::kNanos ? longest : row.largest());
    fmt::format_to(out, "{:<27}{:<4}{:>12}", row.metric, scale.unit, cell(row.server, scale));
    if (summary.limit) {
      const auto ratio = summary.ratio(row.metric);
      fmt::format_to(out, "{:>12}{:>14}", cell(row.limit, scale),
                     ratio ? fmt::format("{:.2f}", ratio->median) : "-");
    }
    if (several && row.server) fmt::format_to(out, "   {}", range(*row.server, scale));
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

// What to type so that the client is not the limit.
std::string more_client(const Report& report) {
  const std::size_t threads = report.settings.fanout.crew.threads;
  const std::size_t cores = report.environment.cores;
  if (report.settings.fanout.crew.cpus.empty() && threads + 1 < cores) {
    return fmt::format("give the client more of this machine's {} CPUs: --threads {}", cores, cores - 1);
  }
  if (threads < report.settings.fanout.crew.cpus.size()) {
    return fmt::format("give the client all of its CPUs: --threads {}",
                       report.settings.fanout.crew.cpus.size());
  }
  return fmt::format(
      "the client has {} of this machine's {} CPUs: take more, or fewer subscribers or events "
      "(-S, --rate), or run it on another machine",
      std::min(threads, cores), cores);
}

std::string red(std::string_view text, bool color) {
  return color ? fmt::format("\x1b[31m{}\x1b[0m", text) : std::string(text);
}

void append_verdict(const Report& report, bool color, std::string& text) {
  const Verdict& verdict = report.verdict;
  auto out = std::back_inserter(text);
  if (report.settings.scenario == Scenario::kFanout && report.summary.server) {
    const Faults& faults = verdict.faults;
    const auto counted_fault = [color](const char* what, std::uint64_t count) {
      return red(fmt::format("{} {}", what, grouped(count)), color && count != 0);
    };
    fmt::format_to(out, "{}, {}, {}, {}\n", counted_fault("lost", faults.lost),
                   counted_fault("duplicate", faults.duplicate), counted_fault("reordered", faults.reordered),
                   counted_fault("corrupt", faults.corrupt));
  }
  for (const SloVerdict& slo : verdict.slos) {
    const Unit unit = unit_of(slo.slo.metric).value_or(Unit::kCount);
    fmt::format_to(out, "slo {}: {}\n", slo.slo.text,
                   !slo.value ? std::string("inconclusive, not measured or too few samples")
                              : fmt::format("{} ({})", slo.passed() ? "passed" : red("FAILED", color),
                                            format_metric(*slo.value, unit)));
  }
  const auto limited = [&](const std::optional<Contender>& contender, std::string_view name) {
    if (!contender || contender->client_limited().empty()) return;
    fmt::format_to(out, "client limited ({}): {}; the server may be faster than this says; {}\n", name,
                   contender->client_limited(), more_client(report));
  };
  limited(report.summary.server, "server");
  limited(report.summary.limit, "limit");
  if (!verdict.disturbed.empty()) {
    fmt::format_to(out, "disturbed: {}; something else is running on this machine\n", verdict.disturbed);
  }
  if (verdict.interrupted) text += "interrupted: this is what was measured until then\n";
}

}  // namespace

std::string to_text(const Report& report, bool color) {
  std::string text = headline(report.settings);
  append_table(report, text);
  append_notes(report, text);
  append_verdict(report, color, text);
  return text;
}

}  // namespace wskit::bench
