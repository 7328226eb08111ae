#include "wstap/tap.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/cli/color.h"
#include "common/cli/output.h"
#include "common/cli/signals.h"
#include "common/cli/values.h"
#include "common/protocol/channel.h"
#include "common/text.h"
#include "wstap/cursor_keeper.h"
#include "wstap/enter_key.h"
#include "wstap/event_printer.h"
#include "wstap/findings.h"
#include "wstap/plan.h"
#include "wstap/subscriber.h"
#include "wstap/torn_line.h"

namespace wskit::tap {
namespace {

using cli::ExitCode;
using Clock = std::chrono::steady_clock;

// How long a stop by signal or time-out waits for a reader that has stalled.
constexpr std::chrono::seconds kLinger{1};

constexpr std::chrono::milliseconds kStatusInterval{250};

// Of the channels that are replayed at the beginning, a line each.
constexpr std::size_t kMostTold = 10;

bool dumb_terminal() {
  const char* term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return term != nullptr && std::strcmp(term, "dumb") == 0;
}

Format format_for(const TapOptions& options, int output) {
  if (options.format != Format::kAuto) return options.format;
  return cli::is_terminal(output) ? Format::kPretty : Format::kJson;
}

EventPrinter make_printer(const TapOptions& options, const cli::Notices& notices, int output) {
  const bool terminal = cli::is_terminal(output);
  const bool colored = cli::use_color(notices.options().color, output);
  // Bars in several lines need escape sequences; who wants none gets the newest one.
  const Bars bars = !terminal || dumb_terminal() ? Bars::kNone : colored ? Bars::kAll : Bars::kOne;
  return EventPrinter(format_for(options, output),
                      {.is_terminal = terminal,
                       .colored = colored,
                       .bars = bars,
                       .width = static_cast<std::size_t>(cli::terminal_width(output)),
                       .utc = options.utc,
                       .wrap = options.wrap});
}

class Tap : private SubscriberListener {
 public:
  Tap(const TapOptions& options, TapPlan plan, cli::Notices& notices, boost::asio::io_context& io, int output)
      : io_(io),
        options_(options),
        notices_(notices),
        selection_(plan.subscriber.selection),
        url_(plan.subscriber.client.url.display()),
        told_range_(plan.told_range),
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
        status_(io_),
        enter_(io_, [this] { subscriber_.retry_now(); }),
        replays_(!std::holds_alternative<protocol::FromNow>(plan.subscriber.from)),
        playing_(plan.subscriber.pace.has_value()),
        merging_(plan.subscriber.pace_is_a_wish),
        subscriber_(io_, plan.subscriber, *this) {
    if (!plan.cursor_warning.empty()) notices_.warning("{}", plan.cursor_warning);
    for (const std::string& hint : plan.hints) notices_.notice("{}", hint);
    if (!plan.cursor) return;
    end_torn_line(output_fd_);
    cursor_.emplace(
        io_, std::move(*plan.cursor), output_, output_fd_,
        CursorKeeper::Handlers{
            .position = [this] { return position(); },
            .failed = [this](const std::string& why) { say([&] { notices_.error("{}", why); }); }});
  }

  cli::Outcome run() {
    if (options_.timeout) {
      timeout_.expires_after(*options_.timeout);
      timeout_.async_wait([this](const boost::system::error_code& error) {
        if (!error) on_timeout();
      });
    }
    subscriber_.start();
    io_.run();
    notices_.set_status({});
    if (cursor_ && cursor_may_move_) {
      if (events_ > 0) cursor_->moved();
      cursor_->finish();
    }
    judge();
    say_summary();
    return outcome_;
  }

 private:
  // --- the subscription ----------------------------------------------------

  void on_subscribed(const Subscribed& answer) override {
    enter_.ignore();
    say([&] { say_connected(answer); });
    last_event_ = Clock::now();
    if (options_.idle && !answer.resumed) watch_idleness();
    subscribed_ = true;
    if (cursor_) cursor_->moved();
  }

  void on_playing(std::size_t channels) override {
    enter_.ignore();
    const std::string speed =
        merging_ ? "" : fmt::format(", playing at {}", cli::format_speed(options_.speed.value_or(1)));
    say([&] {
      notices_.progress("connected to {} ({}){}{}", url_, counted(channels, "channel"), told_range_, speed);
    });
    played_ = channels;
    subscribed_ = true;
    show_status();
  }

  void on_event(const protocol::EventView& event, std::string_view text) override {
    if (stopping_) return;
    ++events_;
    if (selection_.wants_type(event.type)) {
      if (on_terminal_) notices_.set_status({});
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
    if (events_ != events_before_) {
      last_event_ = Clock::now();
      if (cursor_) cursor_->moved();
    }
    events_before_ = events_;
    if (output_.congested()) subscriber_.pause();
  }

  void on_incident(std::string_view channel, const Incident& incident) override {
    findings_.add(incident);
    if (options_.verify) {
      say([&] { notices_.record(incident.json(channel)); });
    }
    const bool gap = incident.is_gap();
    if (gap && options_.on_gap == OnGap::kEmit && !stopping_) {
      printer_.print_gap(channel, incident, output_.buffer());
      output_.wrote();
    } else if (gap && options_.on_gap == OnGap::kFail && !stopping_) {
      say([&] { notices_.error("{}", incident.describe(channel)); });
      hold_cursor_before(channel, incident);
      stop(ExitCode::kIntegrity);
    } else if (!options_.verify) {
      say([&] { notices_.warning("{}", incident.describe(channel)); });
    }
  }

  void on_range_end() override { stop(ExitCode::kOk); }

  void on_detail(std::string_view message) override {
    if (notices_.options().verbose > 0) say([&] { notices_.info("{}", message); });
  }

  void on_warning(std::string_view message) override {
    say([&] { notices_.warning("{}", message); });
  }

  void on_hint(std::string_view message) override {
    say([&] { notices_.notice("{}", message); });
  }

  void on_disconnect(const client::Failure& why, std::chrono::nanoseconds retry_in) override {
    const double seconds = std::chrono::duration<double>(retry_in).count();
    const std::string_view hasten = !stopping_ && enter_.listen() ? " (Enter: now)" : "";
    say([&] { notices_.notice("{}; trying again in {:.1f} s{}", why.message, seconds, hasten); });
  }

  void on_end(cli::ExitCode code, std::string_view message) override {
    if (!message.empty()) {
      say([&] { notices_.error("{}", message); });
      if (!stopping_) outcome_.code = code;
    }
    finish_output();
  }

  // --- the cursor ----------------------------------------------------------

  [[nodiscard]] protocol::FromPositions position() const {
    protocol::FromPositions position = subscriber_.book().lasting_point(subscriber_.since());
    for (const auto& [channel, before] : held_back_) position.positions[channel] = before;
    return position;
  }

  // The next run meets the gap again, until somebody says what to do about it.
  void hold_cursor_before(std::string_view channel, const Incident& incident) {
    if (incident.kind == Incident::Kind::kGapBefore || incident.kind == Incident::Kind::kGapsElsewhere) {
      cursor_may_move_ = false;
      return;
    }
    const bool anew = incident.kind == Incident::Kind::kNewEpoch;
    held_back_[std::string(channel)] = {.offset = incident.previous,
                                        .epoch = anew ? incident.previous_epoch : incident.epoch};
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

  // What counts more than that the run came to its end.
  void judge() {
    const bool not_kept = output_failed_ || (cursor_ && cursor_->behind());
    if (not_kept && outcome_.code == ExitCode::kOk) outcome_.code = ExitCode::kLocalIo;
    const bool ended = outcome_.code == ExitCode::kOk || outcome_.code == ExitCode::kTimedOut;
    if (options_.verify && !findings_.empty() && ended) outcome_.code = ExitCode::kIntegrity;
  }

  void on_timeout() {
    say([&] { notices_.error("timed out after {}", cli::format_duration(*options_.timeout)); });
    stop_within(ExitCode::kTimedOut);
  }

  void on_signal(int signal) { stop_within(ExitCode::kOk, signal); }

  void on_output_ended(cli::Output::End end, int error) {
    if (end == cli::Output::End::kFailed) {
      notices_.error("cannot write the events: {}", std::strerror(error));  // NOLINT(concurrency-mt-unsafe)
      output_failed_ = true;
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
    enter_.ignore();
    printer_.leave_live(output_.buffer());
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

  void say_connected(const Subscribed& answer) {
    if (std::exchange(playing_, false)) return say_present();
    if (answer.resumed) {
      std::string missed = answer.replayed > 0 ? counted(answer.replayed, "event") + " replayed" : "";
      if (answer.gaps > 0) missed += (missed.empty() ? "" : ", ") + counted(answer.gaps, "gap");
      if (missed.empty()) missed = "nothing was missed";
      return notices_.notice("connected to {} again ({})", url_, missed);
    }
    const auto patterns = static_cast<std::size_t>(std::ranges::count_if(
        answer.entries, [](const auto& entry) { return protocol::looks_like_pattern(entry.name); }));
    const std::size_t names = answer.entries.size() - patterns;
    std::string what = names > 0 ? counted(names, "channel") : "";
    if (patterns > 0) what += (what.empty() ? "" : " and ") + counted(patterns, "pattern");
    notices_.progress("connected to {} ({}){}", url_, what, told_range_);
    if (!replays_) return;
    const std::size_t told = std::min(answer.entries.size(), kMostTold);
    for (std::size_t i = 0; i < told; ++i) say_replayed(answer.entries[i]);
    if (told < answer.entries.size()) {
      notices_.progress("and {} more", counted(answer.entries.size() - told, "channel"));
    }
  }

  void say_replayed(const Subscribed::Entry& entry) {
    std::string of;
    if (protocol::looks_like_pattern(entry.name))
      of = fmt::format(" of {}", counted(entry.channels, "channel"));
    const bool ends = options_.end || !options_.until.empty();
    notices_.progress("{}: {}{} replayed, then {}", entry.name, counted(entry.replayed, "event"), of,
                      ends ? "the end" : "live");
  }

  // --- playing -------------------------------------------------------------

  void say_present() {
    if (merging_) {
      return notices_.progress("{} of {} replayed in the order of their times, then live",
                               counted(printed_, "event"), counted(played_, "channel"));
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
    notices_.progress("the present is reached after {:.1f} s and {}: live from here", seconds,
                      counted(printed_, "event"));
  }

  // Where the playing is, four times a second, on a terminal.
  void show_status() {
    if (!notices_.shows_status() || stopping_ || !playing_) return;
    if (const HistoryPlayer* player = subscriber_.player(); player != nullptr && player->at()) {
      notices_.set_status(fmt::format("{}  {}  {}", protocol::Timestamp(*player->at()).text(),
                                      merging_ ? "" : cli::format_speed(options_.speed.value_or(1)),
                                      counted(printed_, "event")));
    }
    status_.expires_after(kStatusInterval);
    status_.async_wait([this](const boost::system::error_code& error) {
      if (!error) show_status();
    });
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
    if (options_.verify && subscribed_) {
      notices_.answer("{}: {} read in {}", findings_.empty() ? "verified" : "verification failed",
                      counted(events_, "event"), counted(subscriber_.book().channels_read(), "channel"));
    }
    if (subscribed_) notices_.notice("{}", statistics());
  }

  [[nodiscard]] std::string troubles() const {
    std::string text = findings_.text();
    const std::uint64_t connections = subscriber_.statistics().connections;
    if (connections > 1) text += fmt::format(", {}", counted(connections - 1, "reconnect"));
    return text;
  }

  [[nodiscard]] std::string statistics() const {
    const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
    std::string text = counted(printed_, "event");
    const std::uint64_t others = events_ - printed_ + subscriber_.left_out();
    if (!options_.event_types.empty() && others > 0) {
      text += fmt::format(" ({} by -e)", counted(others, "other"));
    }
    if (events_ > 0) text += fmt::format(" of {}", counted(subscriber_.book().channels_read(), "channel"));
    return text + fmt::format(" in {:.1f} s{}", seconds, troubles());
  }

  boost::asio::io_context& io_;
  const TapOptions& options_;
  cli::Notices& notices_;
  const Selection selection_;
  const std::string url_;
  const std::string told_range_;
  const int output_fd_;
  const bool on_terminal_;
  EventPrinter printer_;
  cli::Output output_;
  cli::Signals signals_;
  boost::asio::steady_timer timeout_;
  boost::asio::steady_timer idle_;
  boost::asio::steady_timer linger_;
  boost::asio::steady_timer status_;
  EnterKey enter_;
  const Clock::time_point started_ = Clock::now();
  Clock::time_point last_event_ = started_;
  std::uint64_t events_ = 0;
  std::uint64_t events_before_ = 0;  // at the end of the batch before
  std::uint64_t printed_ = 0;
  Findings findings_;
  const bool replays_;
  bool playing_;
  const bool merging_;       // only for the order of time
  std::size_t played_ = 0;   // channels
  bool subscribed_ = false;  // at least once
  bool stopping_ = false;
  bool output_failed_ = false;
  cli::Outcome outcome_;
  Subscriber subscriber_;
  std::optional<CursorKeeper> cursor_;
  bool cursor_may_move_ = true;
  // Of channels with a gap that ended the run.
  std::map<std::string, protocol::Position> held_back_;
};

}  // namespace

cli::Outcome run(const TapOptions& options, cli::Notices& notices, boost::asio::io_context& io, int output) {
  try {
    const auto now = protocol::system_now();
    return Tap(options, make_plan(options, format_for(options, output), now), notices, io, output).run();
  } catch (const CursorFailure& failure) {
    notices.error("{}", failure.what());
    return {.code = ExitCode::kLocalIo};
  }
}

cli::Outcome run(const TapOptions& options, cli::Notices& notices) {
  boost::asio::io_context io{1};
  return run(options, notices, io, STDOUT_FILENO);
}

}  // namespace wskit::tap
