#include "wstap/tap.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "common/cli/color.h"
#include "common/cli/connect_options.h"
#include "common/cli/output.h"
#include "common/cli/signals.h"
#include "common/cli/tool.h"
#include "wstap/event_printer.h"
#include "wstap/selection.h"
#include "wstap/subscriber.h"

namespace wskit::tap {
namespace {

using cli::ExitCode;
using Clock = std::chrono::steady_clock;

// How long a stop by signal or time-out waits for a reader that has stalled.
constexpr std::chrono::seconds kLinger{1};

Selection make_selection(const TapOptions& options) {
  const protocol::Result<Selection> selection =
      Selection::make(options.channels, options.event_types, options.until_events);
  if (!selection) throw cli::UsageError(selection.error().message);
  return *selection;
}

client::ClientOptions make_client_options(const TapOptions& options) {
  cli::ValueResult<client::ClientOptions> result = cli::client_options(options.connect);
  if (!result) throw cli::UsageError(result.error().message);
  return std::move(*result);
}

bool dumb_terminal() {
  const char* term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return term != nullptr && std::strcmp(term, "dumb") == 0;
}

EventPrinter make_printer(const TapOptions& options, const cli::Notices& notices, int output) {
  const bool terminal = cli::is_terminal(output);
  const bool colored = cli::use_color(notices.options().color, output);
  Format format = options.format;
  if (format == Format::kAuto) format = terminal ? Format::kPretty : Format::kJson;
  // Bars need escape sequences, so whoever wants none gets lines.
  return EventPrinter(format, {.is_terminal = terminal,
                               .colored = colored,
                               .live = terminal && colored && !dumb_terminal(),
                               .width = static_cast<std::size_t>(cli::terminal_width(output))});
}

std::string plural(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

class Tap : private SubscriberListener {
 public:
  Tap(const TapOptions& options, cli::Notices& notices, boost::asio::io_context& io, int output)
      : io_(io),
        options_(options),
        notices_(notices),
        selection_(make_selection(options)),
        client_options_(make_client_options(options)),
        output_fd_(output),
        on_terminal_(cli::is_terminal(output)),
        printer_(make_printer(options, notices, output)),
        output_(io_, output,
                {.ended = [this](cli::Output::End end, int error) { on_output_ended(end, error); },
                 .drained = [this] { subscriber_.resume(); }}),
        signals_(
            io_, [this](int signal) { on_signal(signal); }, [this] { say_statistics(); }),
        timeout_(io_),
        idle_(io_),
        linger_(io_),
        subscriber_(io_, client_options_, selection_, *this) {}

  cli::Outcome run() {
    if (options_.timeout) {
      timeout_.expires_after(*options_.timeout);
      timeout_.async_wait([this](const boost::system::error_code& error) {
        if (!error) on_timeout();
      });
    }
    subscriber_.start();
    io_.run();
    say_summary();
    return outcome_;
  }

 private:
  // --- the subscription ----------------------------------------------------

  void on_subscribed(std::size_t channels, bool resumed, std::uint64_t replayed) override {
    const std::string url = client_options_.url.display();
    if (!resumed) {
      say([&] { notices_.notice("connected to {} ({})", url, plural(channels, "channel")); });
    } else {
      say([&] { notices_.notice("connected to {} again ({} replayed)", url, plural(replayed, "event")); });
    }
    last_event_ = Clock::now();
    if (options_.idle && !resumed) watch_idleness();
    subscribed_ = true;
  }

  void on_event(const protocol::EventView& event, std::string_view text) override {
    if (stopping_) return;
    ++events_;
    if (selection_.wants_type(event.type)) {
      printer_.print(event, text, output_.buffer());
      output_.wrote();
      ++printed_;
    }
    const bool enough = options_.count && printed_ >= *options_.count;
    if (enough || ends_run(event.type)) stop(ExitCode::kOk);
  }

  void on_batch_end() override {
    if (stopping_) return;
    show_live();
    last_event_ = events_ != events_before_ ? Clock::now() : last_event_;
    events_before_ = events_;
    if (output_.congested()) subscriber_.pause();
  }

  void on_incident(std::string_view channel, const Incident& incident) override {
    ++gaps_;
    missed_ += incident.missing;
    say([&] { notices_.warning("{}", incident.describe(channel)); });
  }

  void on_detail(std::string_view message) override {
    if (notices_.options().verbose > 0) say([&] { notices_.info("{}", message); });
  }

  void on_warning(std::string_view message) override {
    say([&] { notices_.warning("{}", message); });
  }

  void on_disconnect(const client::Failure& why, std::chrono::nanoseconds retry_in) override {
    const double seconds = std::chrono::duration<double>(retry_in).count();
    say([&] { notices_.notice("{}; next attempt in {:.1f} s", why.message, seconds); });
  }

  void on_end(cli::ExitCode code, std::string_view message) override {
    if (!message.empty()) {
      say([&] { notices_.error("{}", message); });
      if (!stopping_) outcome_.code = code;
    }
    finish_output();
  }

  // --- the ends ------------------------------------------------------------

  [[nodiscard]] bool ends_run(std::string_view type) const {
    const auto& ends = options_.until_events;
    return !ends.empty() && std::find(ends.begin(), ends.end(), type) != ends.end();
  }

  // The first reason to stop is the one that counts.
  void stop(ExitCode code, int signal = 0) {
    if (std::exchange(stopping_, true)) return;
    outcome_ = {.code = code, .signal = signal};
    output_.flush();
    subscriber_.stop();
  }

  void stop_within(ExitCode code, int signal = 0) {
    stop(code, signal);
    linger_.expires_after(kLinger);
    linger_.async_wait([this](const boost::system::error_code& error) {
      if (!error) io_.stop();
    });
  }

  void on_timeout() {
    say([&] { notices_.error("timed out after {}", cli::format_duration(*options_.timeout)); });
    stop_within(ExitCode::kTimedOut);
  }

  void on_signal(int signal) { stop_within(ExitCode::kOk, signal); }

  void on_output_ended(cli::Output::End end, int error) {
    if (end == cli::Output::End::kFailed) {
      notices_.error("cannot write the events: {}", std::strerror(error));  // NOLINT(concurrency-mt-unsafe)
    }
    stop(end == cli::Output::End::kReaderGone ? ExitCode::kOk : ExitCode::kLocalIo);
  }

  void watch_idleness() {
    idle_.expires_at(last_event_ + *options_.idle);
    idle_.async_wait([this](const boost::system::error_code& error) {
      if (error || stopping_) return;
      if (Clock::now() - last_event_ < *options_.idle) return watch_idleness();
      say([&] { notices_.notice("no event for {}", cli::format_duration(*options_.idle)); });
      stop(printed_ > 0 ? ExitCode::kOk : ExitCode::kTimedOut);
    });
  }

  // What was printed must have left before the run is over.
  void finish_output() {
    printer_.show_live(output_.buffer());
    output_.finish([this] { io_.stop(); });
  }

  // --- notices -------------------------------------------------------------

  // Live bars and notices may share a terminal: the bars step aside.
  template <class Say>
  void say(Say&& notice) {
    printer_.hide_live(output_.buffer());
    output_.flush();
    notice();
    show_live();
  }

  // The terminal may have been resized since the last time.
  void show_live() {
    if (on_terminal_) printer_.set_width(static_cast<std::size_t>(cli::terminal_width(output_fd_)));
    printer_.show_live(output_.buffer());
    output_.flush();
  }

  void say_statistics() {
    say([&] { notices_.answer("{}", statistics()); });
  }

  void say_summary() {
    if (subscribed_) notices_.notice("{}", statistics());
  }

  [[nodiscard]] std::string statistics() const {
    const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
    const std::uint64_t connections = subscriber_.statistics().connections;
    std::string gaps = plural(gaps_, "gap");
    if (missed_ > 0) gaps += fmt::format(" ({} missing)", plural(missed_, "event"));
    return fmt::format("{} in {}, {}, {}, {:.1f} s", plural(printed_, "event"),
                       plural(subscriber_.book().channels_read(), "channel"), gaps,
                       plural(connections > 0 ? connections - 1 : 0, "reconnect"), seconds);
  }

  boost::asio::io_context& io_;
  const TapOptions& options_;
  cli::Notices& notices_;
  const Selection selection_;
  const client::ClientOptions client_options_;
  const int output_fd_;
  const bool on_terminal_;
  EventPrinter printer_;
  cli::Output output_;
  cli::Signals signals_;
  boost::asio::steady_timer timeout_;
  boost::asio::steady_timer idle_;
  boost::asio::steady_timer linger_;
  const Clock::time_point started_ = Clock::now();
  Clock::time_point last_event_ = started_;
  std::uint64_t events_ = 0;
  std::uint64_t events_before_ = 0;  // at the end of the batch before
  std::uint64_t printed_ = 0;
  std::uint64_t gaps_ = 0;
  std::uint64_t missed_ = 0;
  bool subscribed_ = false;  // at least once
  bool stopping_ = false;
  cli::Outcome outcome_;
  Subscriber subscriber_;
};

}  // namespace

cli::Outcome run(const TapOptions& options, cli::Notices& notices, boost::asio::io_context& io, int output) {
  if (options.count && *options.count == 0) throw cli::UsageError("--count must be at least 1");
  return Tap(options, notices, io, output).run();
}

cli::Outcome run(const TapOptions& options, cli::Notices& notices) {
  boost::asio::io_context io{1};
  return run(options, notices, io, STDOUT_FILENO);
}

}  // namespace wskit::tap
