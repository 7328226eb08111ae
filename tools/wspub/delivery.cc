#include "wspub/delivery.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <random>
#include <utility>
#include <vector>

#include "common/cli/values.h"
#include "common/client/refusal_hint.h"
#include "common/protocol/command_text.h"
#include "common/text.h"

namespace wskit::pub {
namespace {

constexpr std::size_t kMaxBatchLines = 256;
constexpr std::size_t kMaxBatchBytes = std::size_t{64} << 10;

// Where so many commands await their answers, the lines behind them wait and then travel
// together: a large window is for batches, not for thousands of single lines.
constexpr std::size_t kMaxCommands = 1024;

// What a command adds to the parts of its one event, at most.
constexpr std::size_t kCommandOverhead = 256;

// Of a sequence: so many bits below the line's number are the record's checksum, where
// the input may have become another one since an earlier run. Even so it is exact as a
// double for 8 billion lines.
constexpr unsigned kDigestBits = 20;

// Accepted channels are remembered up to this many; then the memory starts over.
constexpr std::size_t kMaxAcceptedChannels = 65536;

// Of the command that is answered. Ours are whole numbers.
std::optional<std::uint64_t> command_id(const protocol::DecodedReply& reply) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(reply.id.data(), reply.id.data() + reply.id.size(), id);
  if (error != std::errc{} || end != reply.id.data() + reply.id.size()) return std::nullopt;
  return id;
}

std::int64_t sequence_of(const SinkLine& line) {
  const auto number = static_cast<std::int64_t>(line.number);
  if (!line.digest) return number;
  return (number << kDigestBits) + static_cast<std::int64_t>(*line.digest & ((1U << kDigestBits) - 1));
}

}  // namespace

Delivery::Delivery(boost::asio::io_context& io, DeliveryOptions options, cli::Notices& notices,
                   SinkHandler& handler)
    : options_(std::move(options)),
      notices_(notices),
      handler_(handler),
      client_(io, options_.client, *this),
      window_(options_.window),
      ack_timer_(io),
      retry_timer_(io),
      holdback_(options_.client.reconnect, std::random_device{}()) {}

// --- from lines to commands

bool Delivery::can_take() const {
  if (!greeted_ || finishing_ || ended_) return false;
  if (!acknowledged())
    return client_.is_open() && client_.pending_bytes() <= client_.options().low_water_bytes;
  // While the server is away the window is full when it has all its lines.
  if (client_.is_open() && window_.commands() >= kMaxCommands) return false;
  const std::size_t lines = batch_ ? batch_->size() : 0;
  const std::size_t bytes = batch_ ? batch_->text().size() : 0;
  return window_.has_room(lines + 1, bytes);
}

// Small enough that several batches are on their way in one window, so that the
// next one is put together while the first is answered. Without acknowledgements
// each line goes alone, so that a refusal means one line.
std::size_t Delivery::batch_lines() const {
  if (!acknowledged()) return 1;
  return std::clamp<std::size_t>(options_.window.lines / 4, 1, kMaxBatchLines);
}

bool Delivery::is_accepted(std::string_view channel) {
  if (channel == last_accepted_) return true;
  if (accepted_.find(channel) == accepted_.end()) return false;
  last_accepted_ = channel;
  return true;
}

LineResult<void> Delivery::take(const protocol::PublishEvent& event, const SinkLine& line) {
  const std::size_t bytes = kCommandOverhead + event.channel.size() + event.type.size() + event.key.size() +
                            event.timestamp.size() + event.data.size();
  const std::uint64_t limit = max_message_bytes_;
  const bool near_limit = limit != 0 && bytes > limit;
  const bool alone = near_limit || (acknowledged() && !is_accepted(event.channel));
  const std::uint64_t batch_limit =
      limit == 0 ? kMaxBatchBytes : std::min<std::uint64_t>(limit, kMaxBatchBytes);
  if (batch_ && (alone || batch_->text().size() + bytes > batch_limit)) close_batch();
  add(event, line);
  if (near_limit) {
    if (const std::size_t size = batch_->sealed_size(); size > limit) {
      window_.recycle(std::move(batch_));
      return LineError{0, fmt::format("as a command it has {} bytes; the server takes {} at most "
                                      "(wsserve --max-message)",
                                      size, limit)};
    }
  }
  if (alone || batch_->size() >= batch_lines()) close_batch();
  return {};
}

void Delivery::add(const protocol::PublishEvent& event, const SinkLine& line) {
  if (!batch_) {
    batch_ = window_.acquire();
    batch_->start(next_id_++, acknowledged() ? PublishCommand::Reply::kWanted : PublishCommand::Reply::kNone,
                  sequences_ ? producer_json_ : std::string_view());
  }
  protocol::PublishEvent marked = event;
  if (!options_.producer.empty()) {
    if (sequences_) {
      marked.sequence = sequence_of(line);
    } else {
      marked.dedup = dedup_of(line);
    }
  }
  batch_->add(marked, line.number, options_.keep_records ? line.record : std::string_view());
}

// As JSON text.
std::string_view Delivery::dedup_of(const SinkLine& line) {
  dedup_.clear();
  fmt::format_to(std::back_inserter(dedup_), R"("{}:{})", options_.producer, line.number);
  if (line.digest) fmt::format_to(std::back_inserter(dedup_), ":{:08x}", *line.digest);
  dedup_.push_back('"');
  return dedup_;
}

// The same of a line that no server knows by a dedup id.
std::string_view Delivery::dedup_of(std::int64_t sequence) {
  dedup_.clear();
  fmt::format_to(std::back_inserter(dedup_), R"("{}:{}")", options_.producer, sequence);
  return dedup_;
}

void Delivery::close_batch() {
  if (!batch_) return;
  batch_->seal();
  if (!acknowledged()) return send_unacknowledged();
  window_.push(std::move(batch_));
}

void Delivery::send_unacknowledged() {
  if (client_.pending_bytes() == 0) unwritten_lines_ = 0;
  ++unwritten_lines_;
  client_.send(batch_->text());
  handler_.on_acknowledged(batch_->line_number(0), {});
  window_.recycle(std::move(batch_));
}

void Delivery::flush() {
  close_batch();
  send_pending();
}

void Delivery::send_pending() {
  if (!client_.is_open() || ended_ || awaits_greeting()) return;
  window_.send_pending(Clock::now(), holdback_.limit(), [this](const PublishCommand& command) {
    notices_.debug("sending {} line{} from line {} on, {} bytes", command.size(),
                   plural_ending(command.size()), command.line_number(0), command.text().size());
    client_.send(command.text());
  });
  watch_acknowledgements();
}

void Delivery::finish() {
  finishing_ = true;
  flush();
  close_when_done();
}

void Delivery::close_when_done() {
  if (finishing_ && window_.empty() && !batch_) client_.close();
}

void Delivery::give_up() {
  finishing_ = true;
  client_.close();
}

void Delivery::end(client::Failure why) {
  if (!verdict_) verdict_ = std::move(why);
  give_up();
}

std::size_t Delivery::unanswered_lines() const { return window_.lines() - window_.lines_unpublished(); }

std::size_t Delivery::dropped_lines() const {
  return lost_lines_ + window_.lines_unpublished() + (batch_ ? batch_->size() : 0);
}

std::deque<std::string> Delivery::dropped_records() const {
  std::deque<std::string> records;
  const auto add = [&records](const PublishCommand& command) {
    for (std::size_t i = 0; i < command.size(); ++i) records.emplace_back(command.record(i));
  };
  if (!options_.keep_records) return records;
  window_.for_each_unpublished(add);
  if (batch_) add(*batch_);
  return records;
}

// Not before the first connection, of which nobody knows whether it will be.
bool Delivery::is_away() const {
  if (!greeted_ && !options_.client.reconnect.initial) return false;
  return !client_.is_open() || holdback_.holding();
}

bool Delivery::sends_at_once() const {
  return client_.is_open() && (!holdback_.careful() || (window_.empty() && !batch_));
}

std::uint64_t Delivery::reconnects() const {
  const std::uint64_t connections = client_.statistics().connections;
  return connections == 0 ? 0 : connections - 1;
}

// --- the connection

void Delivery::on_open() {
  const std::string url = client_.options().url.display();
  if (!was_open_) {
    // In a pipe nobody waits for it.
    const bool to_people = options_.tell_connection && notices_.shows_status();
    if (to_people || notices_.options().verbose > 0) notices_.notice("connected to {}", url);
  } else if (window_.empty()) {
    notices_.notice("connected again to {}", url);
  } else {
    notices_.notice("connected again to {}; sending {} again", url,
                    counted(window_.lines(), "unacknowledged line"));
  }
  was_open_ = true;
  greeted_again_ = false;
  opened_ = Clock::now();
  holdback_.resume();
  send_pending();
  watch_acknowledgements();
  handler_.on_room();
}

void Delivery::on_message(std::string_view text) {
  const protocol::DecodedReply& decoded = replies_.decode(text);
  if (decoded.kind == protocol::DecodedReply::Kind::kMalformed) {
    return end(
        {client::FailureKind::kRefused, "the server sent a message that is not JSON; is it a wskit server?"});
  }
  if (const auto* published = decoded.as<protocol::PublishedAll>()) {
    on_published(command_id(decoded), *published);
  } else if (const auto* refused = decoded.as<protocol::Refused>()) {
    on_error(command_id(decoded), read_refusal(*refused));
  } else if (const auto* connected = decoded.as<protocol::Connected>()) {
    on_greeting(*connected);
  }
}

void Delivery::on_batch_end() {
  if (ended_) return;
  send_pending();
  try_again_later();
  close_when_done();
  handler_.on_room();
}

void Delivery::on_writable() { handler_.on_room(); }

void Delivery::on_disconnect(const client::Failure& why, std::chrono::nanoseconds retry_in, bool was_open) {
  window_.connection_lost();
  ack_timer_.cancel();
  retry_timer_.cancel();
  retry_armed_ = false;
  lost_lines_ += std::exchange(unwritten_lines_, 0);
  const std::string wait = fmt::format("{:.1f} s", std::chrono::duration<double>(retry_in).count());
  if (was_open && !window_.empty()) {
    notices_.notice("{}; {} unacknowledged; trying again in {}", why.message,
                    counted(window_.lines(), "line"), wait);
  } else {
    notices_.notice("{}; trying again in {}", why.message, wait);
  }
  handler_.on_room();
}

void Delivery::on_end(const client::Failure& why) {
  ended_ = true;
  ack_timer_.cancel();
  retry_timer_.cancel();
  if (why.kind == client::FailureKind::kLost) lost_lines_ += std::exchange(unwritten_lines_, 0);
  handler_.on_sink_end(verdict_ ? *verdict_ : why);
}

void Delivery::on_greeting(const protocol::Connected& connected) {
  // A connection has one: behind it lines are on their way as it has said.
  if (greeted_again_) return;
  const client::Hello& hello = client_.hello();
  greeted_ = true;
  greeted_again_ = true;
  max_message_bytes_ = hello.max_message_bytes;
  notices_.info("{} calls this connection {}, takes {} bytes a message, heartbeat {}", hello.server,
                hello.connection, hello.max_message_bytes, cli::format_duration(hello.heartbeat));
  leave_default_channels(connected);
  use_marks(std::ranges::find(connected.features, "sequence") != connected.features.end());
}

// Another server may answer at the same address than before: what it does not know is
// not sent to it.
void Delivery::use_marks(bool sequences) {
  if (options_.producer.empty() || sequences == sequences_) return;
  if (acknowledged()) close_batch();
  sequences_ = sequences;
  producer_json_ = fmt::format(R"("{}")", options_.producer);
  if (sequences) return;
  window_.rewrite([this](const PublishCommand& command) -> Window::CommandPtr {
    if (command.producer().empty()) return nullptr;
    Window::CommandPtr marked = window_.acquire();
    marked->start(command.id(), PublishCommand::Reply::kWanted);
    for (std::size_t i = 0; i < command.size(); ++i) {
      marked->add_marked(command, i, dedup_of(command.sequence(i)));
    }
    marked->seal();
    return marked;
  });
}

// A publisher wants no events: what the server subscribes every connection to is
// given back.
void Delivery::leave_default_channels(const protocol::Connected& connected) {
  if (connected.channels.empty()) return;
  protocol::Command command;
  command.action = protocol::Action::kUnsubscribe;
  command.channels = connected.channels;
  std::string text;
  protocol::append_command(text, command);
  client_.send(text);
}

// --- answers

void Delivery::on_published(std::optional<std::uint64_t> id, const protocol::PublishedAll& published) {
  if (!id) return;
  const PublishCommand* const answered = window_.awaiting(*id);
  if (answered == nullptr) return;  // not for the first time
  if (published.events.size() != answered->size()) {
    return end({client::FailureKind::kRefused,
                fmt::format("the server acknowledged {} of a command with {}",
                            counted(published.events.size(), "event"), answered->size())});
  }
  tell_if_overtaken(*answered);
  Window::CommandPtr command = window_.take(*id);
  notices_.debug("acknowledged {} line{} from line {} on", command->size(), plural_ending(command->size()),
                 command->line_number(0));
  gave_up_waiting_ = false;
  client_.progressed();
  if (holdback_.accepted(Clock::now()) && std::exchange(told_not_now_, false)) {
    notices_.notice("the server takes events again");
  }
  if (const std::string& channel = command->first_channel(); !channel.empty() && !is_accepted(channel)) {
    if (accepted_.size() >= kMaxAcceptedChannels) accepted_.clear();
    accepted_.insert(channel);
  }
  for (std::size_t i = 0; i < command->size(); ++i) {
    handler_.on_acknowledged(command->line_number(i), published.events[i]);
  }
  window_.recycle(std::move(command));
}

void Delivery::on_error(std::optional<std::uint64_t> id, const Refusal& refusal) {
  if (refusal.code == "UNAUTHORIZED") {
    return end({client::FailureKind::kRefused, client::unauthorized(client_.options(), refusal.message)});
  }
  if (!id) {
    // Without acknowledgements this is how a refused line shows.
    if (!acknowledged()) return handler_.on_refused({}, refusal.code, refusal.message);
    notices_.warning("the server says: {} ({})", refusal.message, refusal.code);
    return;
  }
  if (refusal.is_transient()) return on_not_now(refusal, *id);
  on_refusal(refusal, *id);
}

void Delivery::on_refusal(const Refusal& refusal, std::uint64_t id) {
  const PublishCommand* const found = window_.awaiting(id);
  if (found == nullptr) return;
  const PublishCommand& refused = *found;
  if (refusal.oldest && !refused.producer().empty() && (!refused.is_batch() || refusal.index)) {
    return on_too_old(refusal, refused);
  }
  std::vector<Window::CommandPtr> parts;
  std::optional<std::size_t> culprit;
  if (!refused.is_batch()) culprit = 0;
  if (refused.is_batch() && refusal.index && *refusal.index < refused.size()) culprit = refusal.index;
  // Without the culprit's place each line is asked for by itself.
  const auto part_for_next = [&]() -> PublishCommand& {
    if (parts.empty() || !culprit) {
      parts.push_back(window_.acquire());
      parts.back()->start(next_id_++, PublishCommand::Reply::kWanted, refused.producer());
    }
    return *parts.back();
  };
  for (std::size_t i = 0; i < refused.size(); ++i) {
    if (culprit != i) part_for_next().add_from(refused, i);
  }
  for (const Window::CommandPtr& part : parts) part->seal();
  Window::CommandPtr command = window_.replace(id, std::move(parts));
  if (culprit) {
    handler_.on_refused({command->line_number(*culprit), command->record(*culprit)}, refusal.code,
                        refusal.message);
  }
  window_.recycle(std::move(command));
}

// The server has forgotten whether it had some of the lines: those of one channel up
// to a sequence. Where each was refused whenever it was sent, it was overtaken by
// later ones and is certainly not published: so it is sent under a mark of its own.
void Delivery::on_too_old(const Refusal& refusal, const PublishCommand& refused) {
  const std::uint64_t id = refused.id();
  const std::size_t first = refusal.index.value_or(0);
  if (first >= refused.size()) return;
  const bool is_published_perhaps = published_before_ || window_.is_in_doubt(id);
  Window::CommandPtr old = window_.acquire();
  Window::CommandPtr rest = window_.acquire();
  old->start(next_id_++, PublishCommand::Reply::kWanted);
  rest->start(next_id_++, PublishCommand::Reply::kWanted, refused.producer());
  std::vector<std::uint64_t> forgotten;
  for (std::size_t i = 0; i < refused.size(); ++i) {
    const std::int64_t sequence = refused.sequence(i);
    if (i != first && (sequence >= *refusal.oldest || refused.channel(i) != refused.channel(first))) {
      rest->add_from(refused, i);
    } else if (is_published_perhaps) {
      forgotten.push_back(refused.line_number(i));
    } else {
      old->add_marked(refused, i, dedup_of(sequence));
    }
  }
  std::vector<Window::CommandPtr> parts;
  for (Window::CommandPtr* part : {&old, &rest}) {
    if ((*part)->empty()) continue;
    (*part)->seal();
    parts.push_back(std::move(*part));
  }
  window_.recycle(window_.replace(id, std::move(parts)));
  for (const std::uint64_t line : forgotten) handler_.on_forgotten(line, refusal.message);
}

void Delivery::on_not_now(const Refusal& refusal, std::uint64_t id) {
  const PublishCommand* const refused = window_.awaiting(id);
  if (refused == nullptr) return;
  sent_again_ += refused->size();
  window_.put_back(id);
  not_now_ = fmt::format("{} ({})", refusal.message, refusal.code);
  if (!holdback_.refused(refusal.retry_after)) return;
  // A rate is met again and again; once is enough.
  if (refusal.code == "RATE_LIMITED" && std::exchange(told_rate_, true)) return;
  told_not_now_ = true;
  notices_.notice("the server cannot take events now: {}; trying again", not_now_);
}

void Delivery::tell_if_overtaken(const PublishCommand& accepted) {
  if (!holdback_.holding() || !window_.first_is_waiting() || std::exchange(told_overtaken_, true)) return;
  notices_.warning("line {} was published before lines that the server had refused for a moment; they follow",
                   accepted.line_number(0));
}

// --- waiting

// What was refused "for now" goes out again together and in order, once there
// are answers to all that was on its way.
void Delivery::try_again_later() {
  if (!holdback_.holding() || retry_armed_ || window_.on_the_way() != 0) return;
  const auto wait = holdback_.wait(Clock::now());
  if (!wait) {
    gave_up_waiting_ = true;
    return end(
        {client::FailureKind::kLost, fmt::format("the server took no event in {}: {}",
                                                 counted(holdback_.attempts() + 1, "attempt"), not_now_)});
  }
  retry_armed_ = true;
  retry_timer_.expires_after(*wait);
  retry_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || ended_) return;
    retry_armed_ = false;
    holdback_.resume();
    send_pending();
  });
}

std::optional<Delivery::Clock::time_point> Delivery::waiting_since() const {
  if (awaits_greeting() && was_open_) return opened_;
  return window_.oldest_sent();
}

void Delivery::watch_acknowledgements() {
  if (ack_timer_armed_) return;
  const auto since = waiting_since();
  if (!since) return;
  ack_timer_armed_ = true;
  ack_timer_.expires_at(*since + options_.ack_timeout);
  ack_timer_.async_wait([this](const boost::system::error_code&) {
    ack_timer_armed_ = false;
    if (!ended_) on_ack_timer();
  });
}

void Delivery::on_ack_timer() {
  const auto since = waiting_since();
  if (!client_.is_open() || !since) return;
  if (Clock::now() - *since < options_.ack_timeout) return watch_acknowledgements();
  const std::string time = cli::format_duration(options_.ack_timeout);
  if (awaits_greeting())
    return client_.reconnect(fmt::format("no greeting for {}; is it a wskit server?", time));
  gave_up_waiting_ = true;
  client_.reconnect(fmt::format("no acknowledgement for {}", time));
}

}  // namespace wskit::pub
