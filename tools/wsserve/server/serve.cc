#include "wsserve/server/serve.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <system_error>

#include "common/cli/values.h"
#include "wsserve/audit/audit_log.h"
#include "wsserve/audit/records.h"
#include "wsserve/config/reload.h"
#include "wsserve/config/tls_options.h"
#include "wsserve/log/server_log.h"
#include "wsserve/server/server.h"
#include "wsserve/server/service_manager.h"

namespace wskit::server {
namespace {

namespace net = boost::asio;

// Descriptors beside the connections: listeners, loops, logs.
constexpr rlim_t kOwnDescriptors = 64;

constexpr std::chrono::seconds kHousekeeping{5};
constexpr std::chrono::seconds kStatsPeriod{1};

void raise_descriptor_limit(const Settings& settings, cli::Notices& notices) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = settings.max_connections + kOwnDescriptors;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? wanted : std::min(wanted, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted) {
    notices.info("{} descriptors allow fewer connections than --max-connections {}: raise ulimit -n",
                 limit.rlim_cur, settings.max_connections);
  }
}

void warn_of_certificate(const Settings& settings, cli::Notices& notices) {
  if (settings.tls == nullptr) return;
  const std::string problem = settings.tls->validity_problem(std::chrono::system_clock::now());
  if (!problem.empty()) notices.warning("{}", problem);
}

// One line for each address that is listened on, the first of them first.
bool print_urls(const std::vector<std::string>& urls) {
  const std::string lines = fmt::format("{}\n", fmt::join(urls, "\n"));
  return ::write(STDOUT_FILENO, lines.data(), lines.size()) == static_cast<ssize_t>(lines.size());
}

// What a browser takes for the address; empty: no browser reaches it.
std::string page_of(const std::string& url) {
  if (!url.starts_with("ws://") && !url.starts_with("wss://")) return {};
  return "http" + url.substr(2) + "/";
}

std::string in_mib(std::uint64_t bytes) {
  constexpr double kMib = 1 << 20;
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / kMib);
}

// What a store keeps of its channels.
std::string describe_kept(const ChannelRules& rules) {
  const HistoryLimits& limits = rules.defaults.stored;
  std::vector<std::string> parts;
  if (limits.max_events != kNoHistoryLimits.max_events)
    parts.push_back(fmt::format("{} events", limits.max_events));
  if (limits.max_bytes != kNoHistoryLimits.max_bytes) parts.push_back(in_mib(limits.max_bytes));
  if (limits.max_age.count() > 0) parts.push_back(cli::format_duration(limits.max_age));
  const bool has_rules = std::ranges::any_of(
      rules.rules, [](const ChannelRule& rule) { return rule.max_events || rule.max_bytes || rule.max_age; });
  return fmt::format("{}{}",
                     parts.empty() ? "all events are kept, for no limit is set (--history)"
                                   : fmt::format("at most {} of each are kept", fmt::join(parts, ", ")),
                     has_rules ? ", but for [[channel]] rules" : "");
}

// Sockets that a service manager holds for us take the place of the default address
// and stand beside any that was asked for.
std::vector<std::unique_ptr<Listener>> open_listeners(const Program& program, Listener::Scheme scheme) {
  std::vector<std::unique_ptr<Listener>> listeners;
  for (const int fd : service_manager::take_sockets())
    listeners.push_back(std::make_unique<Listener>(fd, scheme));
  const bool asked_for = program.tool.origin(program.tool.app(), "--listen") != "default";
  if (!listeners.empty() && !asked_for) return listeners;
  const std::size_t handed_over = listeners.size();
  for (const ListenAddress& address : to_addresses(program.options)) {
    const auto end = listeners.begin() + static_cast<std::ptrdiff_t>(handed_over);
    if (std::any_of(listeners.begin(), end, [&](const auto& each) { return each->covers(address); }))
      continue;
    listeners.push_back(std::make_unique<Listener>(address, scheme));
  }
  return listeners;
}

// The main thread's work while the shards serve: signals, then the drain.
class Supervisor {
 public:
  Supervisor(net::io_context& io, Server& server, std::chrono::milliseconds drain, LiveConfig& config,
             cli::Notices& notices)
      : io_(io),
        server_(server),
        drain_(drain),
        config_(config),
        notices_(notices),
        signals_(io, SIGINT, SIGTERM),
        hangups_(io, SIGHUP),
        reopenings_(io, SIGUSR1),
        timer_(io),
        housekeeping_(io),
        stats_(io),
        watchdog_(io) {
    await_signal();
    await_hangup();
    await_reopening();
    await_housekeeping();
    await_stats();
    if (const auto interval = service_manager::watchdog_interval()) await_watchdog(*interval / 2);
  }

  // Why it has come to an end.
  [[nodiscard]] std::string_view outcome() const { return outcome_; }

 private:
  // What is thrown ends what is done, and not the server. False: something was.
  template <class Task>
  bool guard(const char* where, Task&& task) noexcept {
    try {
      task();
      return true;
    } catch (...) {
      server_.incidents().caught(where);
      return false;
    }
  }

  void await_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      if (!guard("the drain", [this] { begin_drain(); })) finish("the drain failed");
    });
  }

  void begin_drain() {
    if (deadline_ != std::chrono::steady_clock::time_point{})
      return finish("stopped at once by a second signal");
    notices_.notice("draining {} connections for at most {} ms; a second signal stops at once",
                    server_.websockets(), drain_.count());
    audit::serve(server_.audit(), "drain", {});
    service_manager::notify("STOPPING=1\nSTATUS=draining");
    deadline_ = std::chrono::steady_clock::now() + drain_;
    server_.drain();
    await_signal();
    await_drain();
  }

  void await_hangup() {
    hangups_.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      service_manager::notify_reloading();
      if (!guard("the reload", [this] { reload(); })) {
        notices_.error("the reload failed, and may have been taken up by a part of the server only");
      }
      service_manager::notify("READY=1");
      await_hangup();
    });
  }

  void await_reopening() {
    reopenings_.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      guard("opening the audit log anew", [this] { reopen(); });
      await_reopening();
    });
  }

  void reopen() {
    AuditLog* audit = server_.audit();
    if (audit == nullptr) return notices_.notice("there is no file to open anew: no --audit");
    if (const auto reopened = audit->reopen(); !reopened)
      return notices_.error("{}", reopened.error().message);
    notices_.notice("opened the audit log anew");
  }

  void reload() {
    LiveConfig::Reload result = config_.reload();
    for (const std::string& fault : result.errors) notices_.error("{}", fault);
    if (!result.errors.empty())
      return notices_.error("nothing was reloaded: mend that, and send SIGHUP again");
    drain_ = result.settings->drain;
    raise_descriptor_limit(*result.settings, notices_);
    warn_of_certificate(*result.settings, notices_);
    const std::size_t unchanged = server_.reload(std::move(*result.settings));
    notices_.notice("reloaded {}", result.summary);
    audit::serve(server_.audit(), "reload", result.summary);
    for (const std::string& left : result.left) notices_.warning("{}", left);
    if (unchanged > 0) {
      notices_.warning(
          "{} channels stay as durable as they were made; a restart makes them as their rules say",
          unchanged);
    }
  }

  void await_housekeeping() {
    housekeeping_.expires_after(kHousekeeping);
    housekeeping_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      guard("the housekeeping", [this] {
        server_.tidy();
        for (const std::string& jump : server_.clock_jumps()) notices_.warning("{}", jump);
      });
      await_housekeeping();
    });
  }

  void await_stats() {
    stats_.expires_after(kStatsPeriod);
    stats_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      guard("the statistics", [this] {
        server_.tell_stats();
        server_.look_at_log();
      });
      await_stats();
    });
  }

  // The manager hears of us as long as every shard turns, not only this thread.
  void await_watchdog(std::chrono::microseconds period) {
    watchdog_.expires_after(period);
    watchdog_.async_wait([this, period](const boost::system::error_code& error) {
      if (error) return;
      if (shards_answered_) {
        service_manager::feed_watchdog();
        shards_answered_ = false;
        // The shards may answer after the end of this: nothing posted then is run.
        guard("the watchdog", [this] {
          server_.ask_all([this, executor = watchdog_.get_executor()] {
            net::post(executor, [this] { shards_answered_ = true; });
          });
        });
      }
      await_watchdog(period);
    });
  }

  void await_drain() {
    timer_.expires_after(std::chrono::milliseconds{10});
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      if (server_.drained()) return finish("drained");
      if (std::chrono::steady_clock::now() >= deadline_) return finish("the time to drain is over");
      await_drain();
    });
  }

  void finish(std::string_view why) {
    notices_.notice("{}; {} connections were cut off", why, server_.websockets());
    outcome_ = why;
    // Not by cancelling what is awaited: a signal that has come already would await the next one.
    io_.stop();
  }

  net::io_context& io_;
  Server& server_;
  std::chrono::milliseconds drain_;
  LiveConfig& config_;
  cli::Notices& notices_;
  net::signal_set signals_;
  net::signal_set hangups_;
  net::signal_set reopenings_;
  net::steady_timer timer_;
  net::steady_timer housekeeping_;
  net::steady_timer stats_;
  net::steady_timer watchdog_;
  bool shards_answered_ = true;
  std::chrono::steady_clock::time_point deadline_{};
  std::string_view outcome_;
};

// The error of what could not be opened, for the notices.
std::runtime_error not_opened(const protocol::Error& error) { return std::runtime_error(error.message); }

// What serve() opens before it says anything.
struct Resources {
  std::vector<std::unique_ptr<Listener>> listeners;
  std::unique_ptr<AuditLog> audit;  // null: no audit log was asked for
  OpenedBroker opened;
};

// Throws std::runtime_error, which says what cannot be opened.
Resources open_resources(const Program& program, const Settings& settings) {
  const Options& options = program.options;
  Resources resources;
  resources.listeners =
      open_listeners(program, settings.tls == nullptr ? Listener::Scheme::kPlain : Listener::Scheme::kTls);
  if (!options.audit.empty()) {
    auto audit = AuditLog::open({.path = options.audit, .with_data = options.audit_data});
    if (!audit) throw not_opened(audit.error());
    resources.audit = std::move(*audit);
  }
  auto opened = to_broker(options, settings.channels);
  if (!opened) throw not_opened(opened.error());
  resources.opened = std::move(*opened);
  return resources;
}

// Throws cli::UsageError where other machines reach a listener and nobody is asked for a token.
void check_access(const std::vector<std::unique_ptr<Listener>>& listeners, const Options& options,
                  const Settings& settings) {
  for (const auto& listener : listeners) {
    if (!listener->remote() || options.access.allow_anonymous || settings.gate->asks()) continue;
    throw cli::UsageError(
        listener->url() +
        " can be reached by other machines and nobody is asked who they are: add --jwt-key or "
        "--jwt-secret-file, listen on 127.0.0.1, or add --allow-anonymous");
  }
}

// Tells what the store holds and what it may have lost; nothing without a store.
void tell_of_store(const OpenedBroker& opened, const Options& options, const Settings& settings,
                   cli::Notices& notices) {
  const auto figures = opened.broker->figures();
  if (!figures) return;
  if (opened.renewed > 0) {
    notices.warning(
        "{} channels in {} begin new epochs, for the newest events that were acknowledged may be lost: its "
        "log is missing or damaged, the file is an older copy, or the machine went down before they were "
        "flushed",
        opened.renewed, options.store);
  }
  notices.notice("keeping durable channels in {} ({} there already, {}): {}", options.store,
                 opened.broker->channels().size(), in_mib(figures->file_bytes),
                 describe_kept(settings.channels));
}

// Starts the server, whose broker tells its health and its remarks on the main thread.
void start(Server& server, net::io_context& io, cli::Notices& notices) {
  server.start(
      [&io, &notices](const std::string& problem) {
        net::post(io, [&notices, problem] {
          if (problem.empty()) return notices.notice("the store can be written again");
          notices.warning("durable channels take no events until the store can be written again: {}",
                          problem);
        });
      },
      [&io, &notices](const std::string& line) {
        net::post(io, [&notices, line] { notices.warning("{}", line); });
      });
}

// Runs the main thread's work until the supervisor stops it. What is thrown is counted and does not end it.
void run(net::io_context& io, Server& server) {
  while (!io.stopped()) {
    try {
      io.run();
    } catch (...) {
      server.incidents().caught("the main thread");
    }
  }
}

}  // namespace

cli::Outcome serve(Program& program, CommandLine command_line) {
  const Options& options = program.options;
  cli::Notices& notices = program.tool.notices();
  Settings settings = to_settings(options);
  const auto tls = to_tls(options.tls);
  if (!tls) {
    notices.error("{}", tls.error().message);
    return {cli::ExitCode::kLocalIo, 0};
  }
  settings.tls = *tls;
  const std::size_t shards = to_shards(options);
  Resources resources;
  try {
    resources = open_resources(program, settings);
  } catch (const std::runtime_error& error) {
    notices.error("{}", error.what());
    return {cli::ExitCode::kLocalIo, 0};
  }
  check_access(resources.listeners, options, settings);
  for (const std::string& warning : options.access.warnings) notices.warning("{}", warning);
  if (settings.gate->asks()) {
    notices.notice("checking tokens with {}", auth::describe(settings.gate->policy().tokens.keys));
  }
  raise_descriptor_limit(settings, notices);
  // A store past the limit on the size of files is told so, like one on a full disk.
  ::signal(SIGXFSZ, SIG_IGN);

  net::io_context io(1);
  std::vector<std::string> urls;
  for (const auto& listener : resources.listeners) urls.push_back(listener->url());
  tell_of_store(resources.opened, options, settings, notices);
  ServerLog log(notices.options());
  Server server(settings, shards, std::move(resources.listeners), std::move(resources.opened.broker));
  server.keep_audit(resources.audit.get());
  server.keep_log(&log);
  server.incidents().tell_by([&log](const std::string& line) { log.trouble(Trouble::kException, line); });
  LiveConfig config(program, command_line, settings.tls);
  warn_of_certificate(settings, notices);
  const Supervisor supervisor(io, server, settings.drain, config, notices);
  start(server, io, notices);
  for (const std::string& each : urls) {
    const std::string page = page_of(each);
    notices.notice("listening on {} ({} shards){}", each, shards,
                   page.empty() ? page : fmt::format("; in a browser {}", page));
  }
  audit::serve(resources.audit.get(), "start", urls.front());
  if (!print_urls(urls)) {
    notices.error("cannot write the URL to stdout: {}", std::generic_category().message(errno));
    return {cli::ExitCode::kLocalIo, 0};
  }
  service_manager::notify("READY=1\nSTATUS=serving " + urls.front());
  run(io, server);
  server.stop();
  audit::serve(resources.audit.get(), "stop", supervisor.outcome());
  return {};
}

}  // namespace wskit::server
