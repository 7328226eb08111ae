#include "wsbench/options.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <thread>

#include "common/cli/connect_options.h"
#include "common/cli/option_values.h"
#include "common/client/tls.h"
#include "wsbench/child_process.h"

namespace wskit::bench {
namespace {

constexpr const char* kDefaultUrl = "ws://127.0.0.1:9000/ws";
constexpr std::uint64_t kMostPublishers = 60'000;
constexpr std::uint64_t kMostChannels = 1'000'000;
constexpr std::uint64_t kMostSubscribers = 1'000'000;
constexpr std::uint64_t kMostInFlight = 1'000'000;
constexpr std::uint64_t kLargestEvent = 1 << 24;
constexpr std::uint64_t kMostThreads = 256;
constexpr std::uint32_t kDefaultWindow = 16;

[[noreturn]] void refuse(std::string message) { throw cli::UsageError(message); }

template <class T>
T checked(std::string_view option, cli::ValueResult<T> result) {
  if (!result) refuse(fmt::format("{}: {}", option, result.error().message));
  return *std::move(result);
}

void within(std::string_view option, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
  if (value < least || value > most)
    refuse(fmt::format("{} is {}: take {} to {}", option, value, least, most));
}

void add_load_options(CLI::App& app, Options& options) {
  constexpr const char* kGroup = "Load";
  cli::add_count(app, "-S,--subscribers", options.subscribers,
                 "Subscribers; for connect and idle, connections. fanout with 0 measures acknowledgements")
      ->group(kGroup);
  cli::add_count(app, "-P,--publishers", options.publishers, "Publishers")->group(kGroup);
  cli::add_count(app, "-K,--channels", options.channels,
                 "Channels, over which subscribers and publishers are spread; 1 for fanout. For connect and "
                 "idle 0: do not subscribe")
      ->group(kGroup);
  cli::add_text(app, "--rate", options.rate, "R|max",
                "Events a second of each publisher, by a schedule that waits for nobody (open loop); max: as "
                "many as --window allows (closed loop)")
      ->group(kGroup);
  cli::add_count(app, "--window", options.window,
                 "With --rate max: events of each publisher in flight, sent but not yet received by all "
                 "subscribers of their channel (without subscribers: not yet acknowledged); 16")
      ->group(kGroup);
  cli::add_size(app, "--size", options.size, "Bytes of an event as it is delivered, all of its JSON")
      ->group(kGroup);
  cli::add_text(app, "--arrival", options.arrival, "uniform|poisson|burst:N@T",
                "How an open loop spreads its events; burst:N@T sends N at once every T, whatever the rate")
      ->group(kGroup);
  cli::add_count(app, "--seed", options.seed, "Of the random gaps of --arrival poisson")->group(kGroup);
  cli::add_rate(app, "--connect-rate", options.connect_rate,
                "Connections to open a second; as fast as they go if not given")
      ->group(kGroup);
}

void add_time_options(CLI::App& app, Options& options) {
  constexpr const char* kGroup = "Time";
  cli::add_duration(app, "-w,--warm-up", options.warm_up, "Run so long before measuring")->group(kGroup);
  cli::add_duration(app, "-d,--duration", options.duration, "Measure so long")->group(kGroup);
  cli::add_duration(app, "--drain", options.drain, "What has not come so long after the end is lost")
      ->group(kGroup);
  cli::add_duration(app, "--hold", options.hold, "idle: hold the connections so long")->group(kGroup);
  cli::add_count(app, "--rounds", options.rounds,
                 "Measure so often and report medians; with --limit, the two take turns")
      ->group(kGroup);
}

void add_server_options(CLI::App& app, Options& options) {
  constexpr const char* kGroup = "Server";
  cli::add_text(app, "-u,--url", options.url, "URL",
                fmt::format("The server, unless --spawn starts one; {} if not given", kDefaultUrl))
      ->envname("WSKIT_URL")
      ->group(kGroup);
  cli::add_text(app, "--spawn", options.spawn, "COMMAND",
                "Start the server in each round, read its URL from its first line, measure its CPU and "
                "memory, and stop it; wsserve gets a free port unless COMMAND says where it listens")
      ->group(kGroup);
  cli::add_count(app, "--server-pid", options.server_pid, "Measure the CPU and memory of this process too")
      ->group(kGroup);
  cli::add_text(app, "--server-cpu", options.server_cpus, "LIST",
                "CPUs for what --spawn and --limit start: 0 or 0,2-3")
      ->group(kGroup);
  cli::add_identity_options(app, options.identity, kGroup);
  cli::add_tls_options(app, options.tls, kGroup);
  app.add_flag("--limit", options.limit,
               "Measure the built-in raw writer as well, which does nothing but write, on one thread: how "
               "much this machine can do at all")
      ->group(kGroup);
}

void add_client_options(CLI::App& app, Options& options) {
  constexpr const char* kGroup = "Client";
  cli::add_count(app, "--threads", options.threads,
                 "Client threads; one for each CPU of --cpu, else for each of the machine but one")
      ->group(kGroup);
  cli::add_text(app, "--cpu", options.cpus, "LIST", "CPUs for the client, a thread pinned to each: 1-3")
      ->group(kGroup);
}

void add_result_options(CLI::App& app, Options& options) {
  constexpr const char* kGroup = "Result";
  cli::add_texts(app, "--slo", options.slos, "EXPR",
                 "Exit 1 unless this holds: 'delivery.latency.p99 < 5ms', 'limit.share >= 0.9'")
      ->group(kGroup);
  app.add_flag("--allow-loss", options.allow_loss,
               "Lost, duplicate, reordered and corrupt deliveries are counted, but are no failure")
      ->group(kGroup);
  app.add_flag("--strict", options.strict,
               "Exit 11 if the client was the limit, or the server had not all of its CPU")
      ->group(kGroup);
  cli::add_texts(app, "--out", options.outputs, "json=PATH", "Write the whole result")->group(kGroup);
}

std::uint32_t to_u32(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

Topology to_topology(const Options& options) {
  within("--subscribers", options.subscribers, options.scenario == Scenario::kFanout ? 0 : 1,
         kMostSubscribers);
  within("--publishers", options.publishers, 1, kMostPublishers);
  const bool fanout = options.scenario == Scenario::kFanout;
  const std::uint64_t channels = options.channels.value_or(fanout ? 1 : 0);
  within("--channels", channels, fanout ? 1 : 0, kMostChannels);
  if (options.subscribers != 0 && channels > options.subscribers) {
    refuse(
        fmt::format("{} channels but {} subscribers: each channel needs one", channels, options.subscribers));
  }
  return {.publishers = fanout ? to_u32(options.publishers) : 0,
          .channels = to_u32(std::max<std::uint64_t>(channels, 1)),
          .subscribers = to_u32(options.subscribers)};
}

CrewPlan to_crew(const Options& options) {
  CrewPlan crew;
  crew.topology = to_topology(options);
  const bool fanout = options.scenario == Scenario::kFanout;
  crew.acknowledged = fanout && options.subscribers == 0;
  crew.subscribe = fanout ? !crew.acknowledged : options.channels.value_or(0) > 0;
  within("--size", options.size, smallest_event(crew.topology), kLargestEvent);
  crew.delivered_bytes = options.size;
  crew.cpus = parse_cpus("--cpu", options.cpus);
  const std::size_t machine = std::max(2U, std::thread::hardware_concurrency()) - 1;
  crew.threads = options.threads.value_or(crew.cpus.empty() ? machine : crew.cpus.size());
  within("--threads", crew.threads, 1, kMostThreads);
  crew.connect_rate = options.connect_rate.value_or(0);
  return crew;
}

// Which loop, and how fast.
void set_pace(const Options& options, FanoutPlan& plan) {
  plan.arrival = checked("--arrival", parse_arrival(options.arrival));
  if (options.rate == "max") {
    const std::uint64_t window = options.window.value_or(kDefaultWindow);
    within("--window", window, 1, kMostInFlight);
    plan.crew.window = to_u32(window);
    if (plan.arrival.kind != Arrival::Kind::kUniform)
      refuse("--arrival needs a --rate: with max there is no schedule");
    return;
  }
  if (options.window) refuse("--window needs --rate max: a schedule waits for nobody");
  plan.rate = checked("--rate", cli::parse_rate(options.rate));
}

pid_t running_process(std::uint64_t id) {
  constexpr std::uint64_t kMost = std::numeric_limits<pid_t>::max();
  if (id == 0 || id > kMost || (::kill(static_cast<pid_t>(id), 0) != 0 && errno == ESRCH)) {
    refuse(fmt::format("--server-pid: there is no process {}", id));
  }
  return static_cast<pid_t>(id);
}

void set_server(const Options& options, Settings& settings) {
  if (const auto fault = client::check_tls_options(options.tls)) refuse(*fault);
  settings.tls = options.tls;
  auto headers = cli::upgrade_headers(options.identity);
  if (!headers) refuse(headers.error().message);
  settings.headers = std::move(*headers);
  if (!options.spawn.empty()) {
    if (options.server_pid)
      refuse("--server-pid and --spawn: the process that is started is measured anyway");
    try {
      settings.spawn = split_command(options.spawn);
    } catch (const std::invalid_argument& error) {
      refuse(fmt::format("--spawn: {}", error.what()));
    }
    if (settings.spawn.empty()) refuse("--spawn: the command is empty");
    settings.spawn = with_free_port(std::move(settings.spawn));
  } else {
    const auto url = client::parse_url(options.url.empty() ? kDefaultUrl : options.url);
    if (!url) refuse("--url: " + url.error().message);
    settings.url = *url;
    if (options.server_pid) settings.server_pid = running_process(*options.server_pid);
  }
  settings.server_cpus = parse_cpus("--server-cpu", options.server_cpus);
  if (!settings.server_cpus.empty() && settings.spawn.empty() && !options.limit) {
    refuse("--server-cpu needs --spawn or --limit: only what is started here can be pinned");
  }
  settings.limit = options.limit;
}

// Refuses an objective that no run like this can measure, before one is waited for.
void check_measured(const Options& options, const Slo& slo) {
  const auto is_of = [&](std::string_view family) {
    return slo.metric.starts_with(family) || slo.metric.starts_with(fmt::format("limit.{}", family));
  };
  const auto needs = [&](std::string_view what) {
    refuse(fmt::format("--slo '{}' needs {}", slo.text, what));
  };
  if (slo.metric.starts_with("limit.") && !options.limit) needs("--limit");
  if (slo.metric.starts_with("server.") && options.spawn.empty() && !options.server_pid) {
    needs("--spawn or --server-pid: only then the server's process is measured");
  }
  if (is_of("server.rss_per_conn") && options.scenario != Scenario::kIdle) needs("the scenario idle");
  const bool is_fanout = options.scenario == Scenario::kFanout;
  if (!is_fanout && (is_of("delivery.") || is_of("pub."))) needs("the scenario fanout");
  const bool is_fault = is_of("delivery.lost") || is_of("delivery.dup") || is_of("delivery.reordered") ||
                        is_of("delivery.corrupt");
  if (is_of("delivery.") && !is_fault && options.subscribers == 0) {
    needs("subscribers: -S 0 has no deliveries");
  }
  if (is_of("pub.ack") && options.subscribers != 0) needs("-S 0: with subscribers, deliveries are counted");
}

void set_gates(const Options& options, Settings& settings) {
  for (const std::string& text : options.slos) {
    Slo slo = checked("--slo", parse_slo(text));
    if (settings.fanout.crew.window && slo.metric.find("delivery.latency") != std::string::npos) {
      refuse(fmt::format("--slo '{}': a closed loop has no latency of its own; give a --rate", text));
    }
    check_measured(options, slo);
    settings.slos.push_back(std::move(slo));
  }
  settings.allow_loss = options.allow_loss;
  settings.strict = options.strict;
  for (const std::string& output : options.outputs) {
    constexpr std::string_view kJson = "json=";
    if (!output.starts_with(kJson) || output.size() == kJson.size()) {
      refuse(fmt::format("--out '{}': write json=PATH", output));
    }
    settings.json_paths.push_back(output.substr(kJson.size()));
  }
}

}  // namespace

std::string_view name_of(Scenario scenario) {
  switch (scenario) {
    case Scenario::kFanout:
      return "fanout";
    case Scenario::kConnect:
      return "connect";
    case Scenario::kIdle:
      return "idle";
  }
  return {};
}

void add_options(cli::Tool& tool, Options& options) {
  CLI::App& app = tool.app();
  cli::add_choice(app, "scenario", options.scenario,
                  {{"fanout", Scenario::kFanout}, {"connect", Scenario::kConnect}, {"idle", Scenario::kIdle}},
                  "fanout: publishers to channels to subscribers. connect: how fast connections open, and "
                  "what one costs the server. idle: what held connections cost")
      ->group("Scenario");
  add_load_options(app, options);
  add_time_options(app, options);
  add_server_options(app, options);
  add_client_options(app, options);
  add_result_options(app, options);
  tool.suggest("--slo", single_metrics());
  tool.add_example("wsbench -S 1000 --rate 100 -u ws://127.0.0.1:9000/ws",
                   "latency of 100 events a second at 1000 subscribers");
  tool.add_example("wsbench --rate max --window 64 --limit --rounds 5 --spawn wsserve",
                   "deliveries a second, as a share of what the machine can do");
  tool.add_example("wsbench idle -S 10k --spawn wsserve", "memory of an idle connection");
  tool.describe_exit_code(1, "an SLO does not hold");
  tool.describe_exit_code(5, {});
  tool.describe_exit_code(6, "connections were lost during the run");
  tool.describe_exit_code(7, "lost, duplicate, reordered or corrupt deliveries");
  tool.describe_exit_code(8, "a result file could not be written");
  tool.describe_exit_code(11,
                          "inconclusive: the client was the limit or the server short of CPU (with "
                          "--strict), or an SLO had too few samples");
}

void check_typed(const cli::Tool& tool, const Options& options) {
  const auto refuse_typed = [&tool](const char* option, std::string_view why) {
    if (tool.origin(tool.app(), option) == "command line")
      refuse(fmt::format("{} is of no use {}", option, why));
  };
  const std::string here = fmt::format("for {}", name_of(options.scenario));
  if (options.scenario == Scenario::kFanout) {
    refuse_typed("--hold", here + ": --duration says how long it is measured");
    if (options.arrival != "poisson") refuse_typed("--seed", "without chance: add --arrival poisson");
    return;
  }
  const bool idle = options.scenario == Scenario::kIdle;
  if (!idle) refuse_typed("--hold", here + ", which ends when the connections are open");
  refuse_typed("--duration", idle ? here + ": --hold says how long the connections are held"
                                  : here + ", which ends when the connections are open");
  for (const char* option : {"--publishers", "--rate", "--window", "--size", "--arrival", "--seed",
                             "--warm-up", "--drain", "--allow-loss"}) {
    refuse_typed(option, here + ", where nothing is published");
  }
}

Settings to_settings(const Options& options) {
  Settings settings;
  settings.scenario = options.scenario;
  settings.fanout.crew = to_crew(options);
  if (options.scenario == Scenario::kFanout) set_pace(options, settings.fanout);
  settings.fanout.seed = options.seed;
  settings.fanout.warm_up = options.warm_up.count();
  settings.fanout.duration = options.duration.count();
  settings.fanout.drain = options.drain.count();
  if (settings.fanout.duration <= 0) refuse("--duration must be more than 0");
  settings.hold = options.hold.count();
  within("--rounds", options.rounds, 1, 1000);
  settings.rounds = options.rounds;
  set_server(options, settings);
  set_gates(options, settings);
  return settings;
}

std::vector<std::string> with_free_port(std::vector<std::string> words) {
  const std::string_view program = std::string_view(words.front()).substr(words.front().rfind('/') + 1);
  const bool says_where = std::ranges::any_of(words, [](const std::string& word) {
    return word == "--listen" || word.starts_with("--listen=") || word == "--config" ||
           word.starts_with("--config=");
  });
  const char* variable = std::getenv("WSKIT_LISTEN");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  if (program != "wsserve" || says_where || (variable != nullptr && *variable != '\0')) return words;
  words.insert(words.begin() + 1, {"--listen", "127.0.0.1:0"});
  return words;
}

std::vector<int> parse_cpus(std::string_view option, std::string_view text) {
  const int machine = static_cast<int>(std::thread::hardware_concurrency());
  std::vector<int> cpus;
  const auto number = [&](std::string_view digits) {
    int cpu = -1;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), cpu);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
      refuse(fmt::format("{}: '{}' is no list of CPUs like 0,2-3", option, text));
    }
    if (cpu < 0 || cpu >= machine) {
      refuse(fmt::format("{}: there is no CPU {}, only 0 to {}", option, cpu, machine - 1));
    }
    return cpu;
  };
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const std::size_t dash = part.find('-');
    const int first = number(part.substr(0, dash));
    const int last = dash == std::string_view::npos ? first : number(part.substr(dash + 1));
    if (last < first) refuse(fmt::format("{}: {} counts down: write {}-{}", option, part, last, first));
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

cli::ValueResult<Arrival> parse_arrival(std::string_view text) {
  if (text == "uniform") return Arrival{};
  if (text == "poisson") return Arrival{.kind = Arrival::Kind::kPoisson};
  constexpr std::string_view kBurst = "burst:";
  const std::size_t at = text.find('@');
  if (!text.starts_with(kBurst) || at == std::string_view::npos) {
    return cli::ValueError{fmt::format("'{}' is none of uniform, poisson, burst:N@T", text)};
  }
  const auto count = cli::parse_count(text.substr(kBurst.size(), at - kBurst.size()));
  if (!count) return count.error();
  const auto period = cli::parse_duration(text.substr(at + 1));
  if (!period) return period.error();
  if (*count == 0 || *count > kMostInFlight || period->count() <= 0) {
    return cli::ValueError{fmt::format("'{}': N must be 1 to {}, T more than 0", text, kMostInFlight)};
  }
  return Arrival{.kind = Arrival::Kind::kBurst, .burst = to_u32(*count), .period = period->count()};
}

}  // namespace wskit::bench
