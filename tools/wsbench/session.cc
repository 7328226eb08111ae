#include "wsbench/session.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "common/cli/answer.h"
#include "common/cli/color.h"
#include "common/client/tls.h"
#include "common/protocol/timestamp.h"
#include "wsbench/affinity.h"
#include "wsbench/child_process.h"
#include "wsbench/connect.h"
#include "wsbench/limit_command.h"
#include "wsbench/report.h"

namespace wskit::bench {
namespace {

constexpr Nanos kStartTimeout = 10 * kSecond;
constexpr Nanos kStatusEvery = 200 * kMillisecond;

// Sleeps that SIGINT and SIGTERM end. SIGUSR1 only asks a question.
class SignalWatch final : public Watch {
 public:
  SignalWatch() {
    sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) {
      struct sigaction action {};
      // Blocked, one that is ignored would come all the same.
      if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) continue;
      sigaddset(&signals_, signal);
    }
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  }
  ~SignalWatch() override { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  bool sleep_until(Nanos time) override {
    for (;;) {
      const timespec left = to_timespec(std::max<Nanos>(time - now(), 0));
      const int got = sigtimedwait(&signals_, nullptr, &left);
      if (got <= 0) return true;
      if (got != SIGUSR1) {
        signal_ = got;
        return false;
      }
      asked_ = true;
    }
  }

  // Whether SIGUSR1 has come since this was called last.
  [[nodiscard]] bool was_asked() { return std::exchange(asked_, false); }

  // The last one that came; 0: none.
  [[nodiscard]] int signal() const { return signal_; }

 private:
  sigset_t signals_{};
  sigset_t before_{};
  int signal_ = 0;
  bool asked_ = false;
};

// What a server's first line says, with the JSON heartbeats off: they would be
// work that nobody asked for.
client::Url spawned_url(const std::string& line) {
  auto url = client::parse_url(line);
  if (!url) throw std::runtime_error(fmt::format("the server's first line is no URL: '{}'", line));
  if (url->target.find('?') == std::string::npos) url->target += "?heartbeat=0";
  return *url;
}

class Session {
 public:
  // This thread keeps out of the server's way as well.
  Session(const Settings& settings, cli::Notices& notices)
      : settings_(settings),
        notices_(notices),
        server_cpus_(settings.server_cpus.empty() ? cpus_of_this_thread() : settings.server_cpus) {
    pin_this_thread(settings.fanout.crew.cpus);
  }

  Summary measure() {
    Summary summary;
    summary.server.emplace();
    summary.server->name = settings_.spawn.empty() ? settings_.url->display()
                                                   : fmt::format("{}", fmt::join(settings_.spawn, " "));
    if (settings_.limit) summary.limit.emplace().name = "limit";
    for (round_ = 1; round_ <= settings_.rounds; ++round_) {
      // The server first: whether it can be measured at all shows before much time has passed.
      if (!keep(*summary.server, measure_server())) break;
      if (summary.limit && !keep(*summary.limit, measure_limit())) break;
    }
    notices_.set_status({});
    return summary;
  }

  [[nodiscard]] int signal() const { return watch_.signal(); }

 private:
  // Whether to go on with the next round.
  static bool keep(Contender& contender, RunResult result) {
    const bool whole = !result.failure && !result.interrupted;
    contender.rounds.push_back(std::move(result));
    return whole;
  }

  RunResult measure_limit() {
    contender_ = "limit";
    return measure_child(limit_command(), [](const std::string& line) {
      Server server;
      server.url = spawned_url(line);
      server.adapter = make_limit_adapter();
      return server;
    });
  }

  RunResult measure_server() {
    contender_ = "server";
    if (!settings_.spawn.empty()) {
      return measure_child(settings_.spawn, [this](const std::string& line) {
        Server server;
        server.url = spawned_url(line);
        server.headers = header_lines();
        server.adapter = make_native_adapter(server.url.target);
        return server;
      });
    }
    Server server;
    server.url = *settings_.url;
    server.headers = header_lines();
    server.adapter = make_native_adapter(server.url.target);
    server.process = settings_.server_pid;
    return measure(server);
  }

  [[nodiscard]] std::string header_lines() const {
    std::string lines;
    for (const auto& [name, value] : settings_.headers) lines += fmt::format("{}: {}\r\n", name, value);
    return lines;
  }

  template <class ToServer>
  RunResult measure_child(const std::vector<std::string>& words, ToServer to_server) {
    ChildProcess child(words, server_cpus_);
    const auto line = child.first_line(kStartTimeout, [this] { return watch_.sleep_until(now()); });
    if (!line) {
      RunResult result;
      result.interrupted = true;
      return result;
    }
    Server server = to_server(*line);
    server.process = child.pid();
    RunResult result = measure(server);
    if (result.failure && result.failure->kind == Failure::Kind::kLost && !child.running()) {
      result.failure->message += "; the server has ended, " + child.log();
    }
    return result;
  }

  RunResult measure(Server server) {
    if (server.url.transport == client::Transport::kTls)
      server.tls = client::make_native_tls_context(settings_.tls);
    const OnProgress on_progress = [this](const Progress& progress) { show(progress); };
    switch (settings_.scenario) {
      case Scenario::kFanout:
        return run_fanout(settings_.fanout, server, watch_, on_progress);
      case Scenario::kConnect:
        return run_connect(settings_.fanout.crew, server, watch_, on_progress);
      case Scenario::kIdle:
        return run_idle(settings_.fanout.crew, settings_.hold, server, watch_, on_progress);
    }
    return {};
  }

  void show(const Progress& progress) {
    const bool asked = watch_.was_asked();
    if (!asked && progress.at - shown_at_ < kStatusEvery) return;
    const std::uint64_t done = progress.counters.deliveries + progress.counters.acks;
    const double rate = done < shown_ || shown_at_ == 0 ? 0
                                                        : static_cast<double>(done - shown_) * 1e9 /
                                                              static_cast<double>(progress.at - shown_at_);
    const std::string line =
        fmt::format("round {}/{}, {}: {}, {} connections, {}", round_, settings_.rounds, contender_,
                    progress.phase, progress.counters.open, format_metric(rate, Unit::kPerSecond));
    if (asked) notices_.answer("{}", line);
    notices_.set_status(line);
    shown_ = done;
    shown_at_ = progress.at;
  }

  const Settings& settings_;
  cli::Notices& notices_;
  std::vector<int> server_cpus_;
  SignalWatch watch_;
  std::uint64_t round_ = 1;
  std::string_view contender_;
  Nanos shown_at_ = 0;
  std::uint64_t shown_ = 0;
};

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  file << text << '\n';
  file.close();
  return file.good();
}

// False if one could not be written.
bool write_results(const Report& report, cli::Notices& notices) {
  bool written = true;
  for (const std::string& path : report.settings.json_paths) {
    if (write_file(path, to_json(report).dump(1))) continue;
    notices.error("cannot write {}: {}", path, std::generic_category().message(errno));
    written = false;
  }
  if (!report.summary.measured()) return written;
  const int error =
      cli::print_answer(to_text(report, cli::use_color(notices.options().color, STDOUT_FILENO)));
  if (error == 0) return written;
  notices.error("cannot write to stdout: {}", std::generic_category().message(error));
  return false;
}

void explain(const Verdict& verdict, cli::Notices& notices) {
  if (verdict.failure) {
    notices.error("{}{}", verdict.failed_at_limit ? "the limit writer: " : "", verdict.failure->message);
  } else if (verdict.code == cli::ExitCode::kIntegrity) {
    notices.error("deliveries were lost, repeated, out of order or damaged (--allow-loss to accept that)");
  }
}

}  // namespace

cli::Outcome run(const Options& options, cli::Notices& notices) {
  const Settings settings = to_settings(options);
  // WSKIT_URL may be set for the other tools.
  if (!settings.spawn.empty() && !options.url.empty()) {
    notices.notice("measuring what --spawn starts, not {}", options.url);
  }
  const std::size_t files = raise_file_limit();
  const CrewPlan& crew = settings.fanout.crew;
  const std::size_t connections = std::size_t{crew.topology.subscribers} + crew.topology.publishers;
  if (connections + 64 > files) {
    notices.error(
        "{} connections need more open files than the hard limit of {}; raise it (ulimit -n, or LimitNOFILE= "
        "of a unit)",
        connections, files);
    return {.code = cli::ExitCode::kLocalIo};
  }
  const auto started = protocol::Timestamp::now();
  Session session(settings, notices);
  Summary summary;
  try {
    summary = session.measure();
  } catch (const std::runtime_error& error) {
    notices.set_status({});
    notices.error("{}", error.what());
    return {.code = cli::ExitCode::kUnreachable};
  }
  const Verdict verdict = judge(settings, summary);
  const Environment environment = read_environment();
  explain(verdict, notices);
  const bool written =
      write_results({settings, summary, verdict, environment, std::string(started.text())}, notices);
  if (verdict.interrupted) return {.code = verdict.code, .signal = session.signal()};
  return {.code = written || verdict.code != cli::ExitCode::kOk ? verdict.code : cli::ExitCode::kLocalIo};
}

}  // namespace wskit::bench
