#include "wspub/publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include "common/protocol/json_writer.h"
#include "wspub/delivery.h"
#include "wspub/dry_run.h"
#include "wspub/journal_input.h"

namespace wskit::pub {
namespace {

// So that answers are read and signals heard while a large file is skipped.
constexpr int kRecordsPerTurn = 4096;

constexpr std::chrono::milliseconds kStatusPeriod{200};

std::string with_column(std::string where, std::size_t column) {
  return column == 0 ? where : fmt::format("{}, column {}", where, column);
}

}  // namespace

Publisher::Publisher(boost::asio::io_context& io, PubPlan plan, cli::Notices& notices, int stdout_fd,
                     std::function<void()> done)
    : io_(io),
      stdout_fd_(stdout_fd),
      plan_(std::move(plan)),
      notices_(notices),
      done_(std::move(done)),
      output_(io, stdout_fd,
              {.ended = [this](cli::Output::End end, int error) { on_output_end(end, error); },
               .drained = [this] { pump_later(); }}),
      // A message is an input of its own, as whole as --whole makes one.
      copy_(plan_.source.messages.empty() || plan_.source.separator == Separator::kNul
                ? plan_.source.separator
                : Separator::kNone,
            plan_.mapping.input),
      source_(io, plan_.source, copier()),
      backlog_(source_, plan_.backlog, plan_.source),
      mapper_(plan_.mapping),
      dead_letters_(record_format(plan_.source.separator, plan_.mapping.input),
                    plan_.journal_file.empty() ? DeadLetters::Flush::kToKernel : DeadLetters::Flush::kToDisk),
      pace_timer_(io),
      status_timer_(io),
      stop_timer_(io) {
  if (plan_.rate) pacer_.emplace(*plan_.rate, plan_.burst);
  if (plan_.replay) replay_.emplace(*plan_.replay);
  SinkHandler& handler = *this;
  if (plan_.dry_run) {
    sink_ = std::make_unique<DryRun>(output_, handler);
  } else {
    auto delivery = std::make_unique<Delivery>(io, plan_.delivery, notices, handler);
    delivery_ = delivery.get();
    sink_ = std::move(delivery);
  }
}

Publisher::~Publisher() = default;

void Publisher::start() {
  if (plan_.passes != 1 && !source_.can_begin_again()) {
    fail(cli::ExitCode::kUsage,
         "--loop: an input that is no regular file cannot be read again; save it to a file first");
    return conclude({});
  }
  if (const std::string error = open_files(); !error.empty()) {
    fail(cli::ExitCode::kLocalIo, error);
    return conclude({});
  }
  const bool is_typed = source_.reads_terminal();
  if (is_typed) notices_.notice("reading lines from the terminal; Ctrl-D ends them");
  if (plan_.operand_is_file) {
    const std::string& file = plan_.source.files.front();
    say_on_terminal(
        fmt::format("reading {}, each line with its own channel (-c {} makes it the channel)", file, file));
  }
  if (plan_.stats) {
    tick(*plan_.stats);
  } else if (notices_.shows_status() && !is_typed && !writes_to_terminal()) {
    // A line that is replaced again and again is no company for one that is typed.
    tick(kStatusPeriod);
  }
  sink_->start();
}

LineSource::Witness Publisher::copier() {
  if (!plan_.tee) return {};
  return {.bytes =
              [this](std::string_view bytes) {
                copy_.take(bytes, output_.buffer());
                output_.wrote();
              },
          .end =
              [this] {
                copy_.end_input(output_.buffer());
                output_.wrote();
              }};
}

// What is as it should be is said to people alone.
void Publisher::say_on_terminal(std::string_view message) {
  if (notices_.shows_status() || notices_.options().verbose > 0) notices_.notice("{}", message);
}

bool Publisher::writes_to_terminal() const {
  return (plan_.receipts || plan_.tee || plan_.dry_run) && cli::is_terminal(stdout_fd_);
}

std::string Publisher::open_files() {
  for (const std::string& file : plan_.source.files) {
    std::error_code none;
    if (file != "-" && std::filesystem::is_directory(file, none)) {
      return fmt::format("cannot read {}: {}", file,
                         std::make_error_code(std::errc::is_a_directory).message());
    }
  }
  if (plan_.on_invalid == OnInvalid::kSetAside) {
    if (std::string error = dead_letters_.open(plan_.dead_letter_file); !error.empty()) return error;
  }
  if (std::string error = backlog_.open(); !error.empty()) return error;
  if (plan_.journal_file.empty()) return "";
  journal_.emplace(io_, [this] { on_journal_moved(); });
  if (std::string error = journal_->open(plan_.journal_file, plan_.source.separator, plan_.delivery.producer);
      !error.empty()) {
    journal_.reset();
    return error;
  }
  delivery_->set_producer(journal_->producer(), journal_->producer() != plan_.delivery.producer);
  if (plan_.source.follow) find_followed_file();
  return "";
}

void Publisher::find_followed_file() {
  const std::string& file = plan_.source.files.back();
  const FollowedFiles found = find_followed(io_, plan_.source, journal_->entry());
  if (found.is_other && found.before.empty()) {
    notices_.warning(
        "{} is another file than the one that {} stands in after line {}, and that one is not beside it: {} "
        "is "
        "published from its beginning",
        file, plan_.journal_file, journal_->done_before(), file);
    journal_->begin_anew();
  } else if (found.is_other) {
    notices_.notice("{} is a new file by now: what is left of the one before it, {}, comes first", file,
                    found.before.front());
  }
  source_.read_before_last(found.before);
  source_.count_from(journal_->before());
}

Journal::Seen Publisher::see(const LineSource::Item& item) {
  if (plan_.source.follow && std::exchange(input_, source_.input()) != source_.input()) {
    journal_->begin_file(source_.inode());
  }
  const Journal::Seen seen = journal_->see(item);
  if (seen == Journal::Seen::kNew) tell_done_before();
  return seen;
}

// Not before they have been looked at: they might be others.
void Publisher::tell_done_before() {
  if (std::exchange(told_done_before_, true) || journal_->done_before() == 0) return;
  notices_.notice("the first {} lines have been published before, as {} says", journal_->done_before(),
                  plan_.journal_file);
}

void Publisher::stop(int signal) {
  outcome_.signal = signal;
  if (ended_) return;
  source_.stop_reading();
  if (!sink_->is_connected()) return sink_->give_up();
  stop_timer_.expires_after(plan_.delivery.ack_timeout);
  stop_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && !ended_) sink_->give_up();
  });
  if (pacer_ || replay_) return stop_taking();
  waiting_for_input_ = false;
  pump();
}

// --- from the source to the sink

void Publisher::on_room() {
  if (outcome_.signal != 0 && !sink_->is_connected()) return sink_->give_up();
  pump();
}

void Publisher::pump_later() {
  if (std::exchange(pump_posted_, true)) return;
  boost::asio::post(io_, [this] {
    pump_posted_ = false;
    pump();
  });
}

void Publisher::pump() {
  if (ended_) return;
  int records = 0;
  while (records < kRecordsPerTurn && take_next() == Turn::kGoesOn) ++records;
  if (ended_) return;
  sink_->flush();
  backlog_.flush();
  tell_of_backlog();
  keep_what_is_done();
  output_.flush();
  if (records == kRecordsPerTurn) pump_later();
}

bool Publisher::has_room() const {
  // What cannot be sent now is safe in the file, where the window would lose it with
  // the process.
  if (backlog_.has_file() && sink_->is_away()) return false;
  // A pace is that of what is sent.
  if ((pacer_ || replay_) && !sink_->sends_at_once()) return false;
  return sink_->can_take() && !output_.congested() && (!journal_ || journal_->has_room());
}

Publisher::Turn Publisher::take_next() {
  if (!taking_) return Turn::kEnds;
  if (!has_room() || backlog_.must_read_on()) return read_ahead();
  if (waiting_for_pace_ || (waiting_for_input_ && backlog_.empty())) return Turn::kEnds;
  const LineSource::Item item = backlog_.next();
  switch (item.kind) {
    case LineSource::Kind::kRecord:
    case LineSource::Kind::kTooLong:
    case LineSource::Kind::kRest:
      return take_item(item);
    case LineSource::Kind::kWait:
      wait_for_input();
      return Turn::kEnds;
    case LineSource::Kind::kFailed:
      fail(cli::ExitCode::kLocalIo, backlog_.error());
      return Turn::kEnds;
    case LineSource::Kind::kEnd:
      return take_end();
  }
  return Turn::kEnds;
}

// While the server is away, what it would have had goes to the backlog.
Publisher::Turn Publisher::read_ahead() {
  if (waiting_for_input_ || output_.congested()) return Turn::kEnds;
  if (!sink_->is_away() && !backlog_.must_read_on()) return Turn::kEnds;
  const Backlog::Ahead ahead = backlog_.read_ahead();
  tell_of_backlog();
  if (ahead == Backlog::Ahead::kWait) wait_for_input();
  return ahead == Backlog::Ahead::kRead ? Turn::kGoesOn : Turn::kEnds;
}

void Publisher::tell_of_backlog() {
  if (backlog_.dropped() != 0 && !std::exchange(told_dropped_, true)) {
    notices_.warning("{} lines wait for the server (--queue): from now on the oldest are dropped",
                     plan_.backlog.lines);
  }
  if (const auto error = backlog_.spill_error(); error.empty()) {
    told_spill_error_ = false;
  } else if (!std::exchange(told_spill_error_, true)) {
    notices_.warning("{}; input waits", error);
  }
}

Publisher::Turn Publisher::take_end() {
  const bool whole = outcome_.signal == 0;
  const bool was_empty = totals_.read == read_before_pass_;
  if (whole && !was_empty && passes_ != plan_.passes && plan_.passes != 1) {
    ++passes_;
    read_before_pass_ = totals_.read;
    source_.begin_again();
    if (replay_) replay_->begin_again();
    return Turn::kGoesOn;
  }
  if (journal_ && whole) {
    if (const std::string error = journal_->see_end(); !error.empty()) {
      fail(cli::ExitCode::kLocalIo, error);
    } else {
      tell_done_before();
    }
  }
  stop_taking();
  return Turn::kEnds;
}

Publisher::Turn Publisher::take_item(const LineSource::Item& item) {
  switch (journal_ ? see(item) : Journal::Seen::kNew) {
    case Journal::Seen::kNew:
      break;
    case Journal::Seen::kDone:
      return Turn::kGoesOn;
    case Journal::Seen::kOther:
      fail(cli::ExitCode::kLocalIo, journal_->error());
      return Turn::kEnds;
  }
  if (item.kind == LineSource::Kind::kRecord) return take_record(item);
  take_too_long(item);
  return Turn::kGoesOn;
}

Publisher::Turn Publisher::take_record(const LineSource::Item& item) {
  if (pacer_ && !pacer_->due(Clock::now())) {
    backlog_.put_back(item);
    wait_for_pace(pacer_->next());
    return Turn::kEnds;
  }
  auto event = mapper_.map(item.text);
  if (event && !*event) {  // a blank line
    settle(item.number);
    return Turn::kGoesOn;
  }
  if (event && replay_) {
    const protocol::SystemMicros time = mapper_.replay_time();
    if (!replay_is_due(item, time)) return Turn::kEnds;
    shift_timestamp(**event, time);
  }
  if (!first_line_) first_line_ = Clock::now();
  ++totals_.read;
  if (!event) {
    refuse_line(item, event.error());
    return Turn::kGoesOn;
  }
  SinkLine line{item.number, item.text};
  if (journal_) line.digest = journal_->record_digest();
  if (const auto taken = sink_->take(**event, line); !taken) {
    refuse_line(item, taken.error());
  } else if (pacer_) {
    pacer_->advance();
  }
  return Turn::kGoesOn;
}

void Publisher::take_too_long(const LineSource::Item& item) {
  if (item.kind == LineSource::Kind::kTooLong) {
    ++totals_.read;
    const std::string reason = fmt::format("longer than {} bytes (--max-line)", plan_.source.max_line_bytes);
    refuse_line(item, LineError{plan_.source.max_line_bytes + 1, reason});
  } else if (plan_.on_invalid == OnInvalid::kSetAside) {
    dead_letters_.append(item.text);
    if (item.last) dead_letters_.end();
  }
}

void Publisher::wait_for_input() {
  waiting_for_input_ = true;
  source_.async_wait([this] {
    waiting_for_input_ = false;
    pump();
  });
}

bool Publisher::replay_is_due(const LineSource::Item& item, protocol::SystemMicros time) {
  const Clock::time_point now = Clock::now();
  if (placed_ != item.number) {
    due_ = replay_->place(time, now);
    placed_ = item.number;
  }
  if (now < due_) {
    backlog_.put_back(item);
    wait_for_pace(due_);
    return false;
  }
  replay_->went(due_, now);
  return true;
}

void Publisher::shift_timestamp(protocol::PublishEvent& event, protocol::SystemMicros time) {
  if (!plan_.shift_time) return;
  if (!event.timestamp.empty()) time = *protocol::parse_timestamp(event.timestamp);
  const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  event.timestamp = plan_.shift_time->apply(time, now, replay_->pass_shift());
}

void Publisher::wait_for_pace(Clock::time_point until) {
  waiting_for_pace_ = true;
  pace_timer_.expires_at(until);
  pace_timer_.async_wait([this](const boost::system::error_code& error) {
    waiting_for_pace_ = false;
    if (!error) pump();
  });
}

void Publisher::stop_taking() {
  if (!std::exchange(taking_, false)) return;
  source_.stop_reading();
  pace_timer_.cancel();
  sink_->finish();
}

// --- what becomes of a line

void Publisher::refuse_line(const LineSource::Item& item, const LineError& error) {
  const std::string what =
      fmt::format("{}: {}", with_column(source_.locate(item.number), error.column), error.reason);
  switch (plan_.on_invalid) {
    case OnInvalid::kFail:
      ++totals_.refused;
      return fail(cli::ExitCode::kLocalIo, what);
    case OnInvalid::kSetAside:
      dead_letters_.append(item.text);
      if (item.last) dead_letters_.end();
      return skip(item.number, what);
    case OnInvalid::kSkip:
      return skip(item.number, what);
  }
}

// The first one is told, so that a wrong option shows at once; all are counted.
void Publisher::skip(std::uint64_t line, std::string_view what) {
  ++totals_.skipped;
  settle(line);
  const char* const word = plan_.on_invalid == OnInvalid::kSkip ? "skipped" : "set aside";
  if (!std::exchange(skipped_one_, true)) {
    // It was asked for: -q leaves it out.
    if (notices_.options().quiet == 0)
      notices_.warning("{} ({}; others will only be counted, -v shows them)", what, word);
  } else {
    notices_.info("{} ({})", what, word);
  }
}

void Publisher::on_acknowledged(std::uint64_t line, const protocol::Published& published) {
  ++totals_.acknowledged;
  if (published.duplicate) ++totals_.duplicates;
  settle(line);
  if (plan_.receipts) write_receipt(line, published);
}

void Publisher::on_refused(const SinkLine& line, std::string_view code, std::string_view message) {
  const bool known = line.number != 0;
  if (!known && totals_.acknowledged > 0) --totals_.acknowledged;  // it had been counted as sent
  const std::string what = fmt::format("{}: refused by the server: {} ({})",
                                       known ? source_.locate(line.number) : "a line", message, code);
  if (plan_.on_invalid == OnInvalid::kFail) {
    ++totals_.refused;
    return fail(cli::ExitCode::kRefused, what);
  }
  if (plan_.on_invalid == OnInvalid::kSetAside && known) {
    dead_letters_.append(line.record);
    dead_letters_.end();
  }
  skip(line.number, what);
}

// Nobody can say whether it was published, and trying again never will.
void Publisher::on_forgotten(std::uint64_t line, std::string_view message) {
  settle(line);
  const std::string what =
      fmt::format("{}: sent again too late: {}; it counts as unacknowledged", source_.locate(line), message);
  if (forgotten_++ == 0) {
    notices_.warning("{} (others will only be counted, -v shows them)", what);
  } else {
    notices_.info("{}", what);
  }
}

void Publisher::write_receipt(std::uint64_t line, const protocol::Published& published) {
  protocol::JsonWriter json(output_.buffer());
  json.begin_object();
  json.member("line", line);
  if (!published.channel.empty()) json.member("channel", published.channel);
  if (published.offset != 0) json.member("offset", published.offset);
  if (!published.epoch.empty()) json.member("epoch", published.epoch);
  if (published.duplicate) json.member("duplicate", true);
  json.end_object();
  output_.buffer() += '\n';
  output_.wrote();
}

// Lines before this one still reach their end.
void Publisher::fail(cli::ExitCode code, std::string_view message) {
  notices_.error("{}", message);
  if (!verdict_) verdict_ = code;
  stop_taking();
}

void Publisher::settle(std::uint64_t line) {
  if (journal_) journal_->settle(line);
}

// The journal last: it says that the lines set aside are safe.
void Publisher::keep_what_is_done() {
  if (const std::string error = dead_letters_.flush(); !error.empty()) {
    if (journal_) journal_->freeze();
    return fail(cli::ExitCode::kLocalIo, error);
  }
  if (journal_) journal_->commit();
}

void Publisher::on_journal_moved() {
  if (ended_) return;
  if (const std::string error = journal_->error(); !error.empty()) {
    return fail(cli::ExitCode::kLocalIo, error);
  }
  pump();
}

void Publisher::on_output_end(cli::Output::End end, int error) {
  if (!plan_.tee && !plan_.receipts && !plan_.dry_run) return;
  if (end == cli::Output::End::kFailed) {
    return fail(cli::ExitCode::kLocalIo,
                fmt::format("cannot write to stdout: {}", std::generic_category().message(error)));
  }
  if (plan_.dry_run) {  // Whoever read the events has seen enough.
    if (!verdict_) verdict_ = cli::ExitCode::kOk;
    return stop_taking();
  }
  // The run is for publishing; whoever read about it may go.
  notices_.notice("nobody reads stdout any more; publishing goes on");
  pump_later();
}

}  // namespace wskit::pub
