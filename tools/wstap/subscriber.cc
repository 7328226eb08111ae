#include "wstap/subscriber.h"

#include <fmt/core.h>

#include <utility>

#include "common/cli/values.h"
#include "common/protocol/control.h"
#include "common/protocol/json_text.h"
#include "common/protocol/position.h"

namespace wskit::tap {

namespace {

using protocol::EventView;

// How long a hole between events with keys may wait for the one that declares it.
constexpr std::chrono::seconds kHolePatience{2};

// Of the server where it has not said what it takes.
constexpr std::uint64_t kDefaultMaxMessage = std::uint64_t{1} << 20;

}  // namespace

Subscriber::Subscriber(boost::asio::io_context& io, client::ClientOptions options, Selection selection,
                       SubscriberListener& listener)
    : selection_(std::move(selection)),
      listener_(listener),
      book_(selection_.filters_types() ? ChannelBook::Offsets::kWithHoles
                                       : ChannelBook::Offsets::kContiguous),
      answer_timer_(io),
      holes_timer_(io),
      client_(io, std::move(options), *this) {}

void Subscriber::stop() {
  stage_ = Stage::kStopped;
  client_.close();
}

void Subscriber::on_open() {
  stage_ = Stage::kGreeting;
  book_.begin_connection();
  answer_timer_.expires_after(client_.options().connect_timeout);
  answer_timer_.async_wait([this](const boost::system::error_code& error) {
    const bool waiting = stage_ == Stage::kGreeting || stage_ == Stage::kAnswer;
    if (!error && waiting) client_.reconnect("the server does not answer the subscription");
  });
}

void Subscriber::on_message(std::string_view text) {
  if (stage_ == Stage::kStopped) return;
  if (stage_ == Stage::kEvents) {
    const protocol::Result<EventView> event = protocol::decode_event(text, decoded_);
    if (event) {
      const ChannelBook::Reading reading = book_.read(*event);
      if (reading.incident) listener_.on_incident(event->channel, *reading.incident);
      if (reading.epoch_wanted) ask_epoch(event->channel);
      if (book_.has_holes()) watch_holes();
      return listener_.on_event(*event, text);
    }
  }
  // Events of subscriptions that the connection began with are not ours.
  on_control(parse_control(text));
}

void Subscriber::on_control(const ControlMessage& message) {
  switch (stage_) {
    case Stage::kGreeting:
      return on_greeting(message);
    case Stage::kAnswer:
      if (message.id == kSubscribeId) on_answer(message);
      return;
    case Stage::kEvents:
      // The questions for epochs have the channel's name as their id.
      if (message.id.starts_with('"')) {
        std::string channel;
        const bool named = protocol::append_decoded(channel, message.id.substr(1, message.id.size() - 2));
        if (message.type == "history" && named) book_.learn_epoch(channel, message.epoch);
      } else if (message.type == "error") {
        listener_.on_warning(
            fmt::format("the server says {}: {}", message.error_code, message.error_message));
      }
      return;
    case Stage::kStopped:
      return;
  }
}

void Subscriber::on_greeting(const ControlMessage& message) {
  if (message.type != "connected") {
    return refuse(cli::ExitCode::kRefused,
                  fmt::format("{} is no wskit server: its first message is not `connected`",
                              client_.options().url.display()));
  }
  const std::vector<std::string>& channels =
      selection_.channels().empty() ? message.channels : selection_.channels();
  if (channels.empty()) {
    return refuse(cli::ExitCode::kUsage,
                  "no channels: the server has no default ones, so name some, as in wstap 'market/*'");
  }
  const client::Hello& hello = client_.hello();
  listener_.on_detail(fmt::format("{} calls this connection {}, heartbeat {}", hello.server, hello.connection,
                                  cli::format_duration(hello.heartbeat)));
  // Subscribed anew, so that positions and types hold from the first event on.
  if (!message.channels.empty()) client_.send(unsubscribe_command(message.channels));
  client_.send(selection_.subscribe_command(channels, resume_since()));
  stage_ = Stage::kAnswer;
}

// Empty for the first subscription, and where there is too much to resume.
std::string Subscriber::resume_since() {
  if (!since_) return {};
  std::string since = protocol::to_json(book_.resume_point(since_));
  const std::uint64_t said = client_.hello().max_message_bytes;
  const std::uint64_t most = said != 0 ? said : kDefaultMaxMessage;
  // Half of it: the names of the channels come with it.
  if (since.size() <= most / 2) return since;
  listener_.on_warning("too many channels to say where each one was left: what was missed shows as gaps");
  return {};
}

// Without its epoch, a channel that began anew and has come further than it was
// read looks as if it had gone on.
void Subscriber::ask_epoch(std::string_view channel) {
  if (!client_.options().reconnect.enabled) return;
  std::string name;
  protocol::append_json_string(name, channel);
  client_.send(fmt::format(R"({{"action":"history","id":{0},"channel":{0},"since":"now","limit":1}})", name));
}

void Subscriber::watch_holes() {
  if (watching_holes_) return;
  watching_holes_ = true;
  holes_timer_.expires_after(kHolePatience);
  holes_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    watching_holes_ = false;
    report_holes(std::chrono::steady_clock::now() - kHolePatience);
    if (book_.has_holes()) watch_holes();
  });
}

void Subscriber::report_holes(std::optional<ChannelBook::Time> before) {
  for (const ChannelBook::Hole& hole : book_.take_holes(before)) {
    listener_.on_incident(hole.channel, hole.incident);
  }
}

void Subscriber::tell_where_it_stands(const SubscribedEntry& entry) {
  const std::string place =
      entry.offset ? fmt::format("at {}:{}", entry.epoch, *entry.offset) : "of channels to come";
  listener_.on_detail(fmt::format("subscribed {} {}, {}{} replayed", entry.channel, place,
                                  entry.recovered ? "recovered, " : "", entry.replayed));
}

void Subscriber::on_answer(const ControlMessage& message) {
  if (message.type == "error") {
    const bool passing = message.error_code == "UNAVAILABLE" || message.error_code == "RATE_LIMITED";
    if (since_ && passing) return client_.reconnect(message.error_message);
    return refuse(cli::ExitCode::kRefused, fmt::format("the server refuses the subscription: {}: {}",
                                                       message.error_code, message.error_message));
  }
  if (message.type != "subscribed") return;
  answer_timer_.cancel();
  stage_ = Stage::kEvents;
  std::uint64_t replayed = 0;
  for (const SubscribedEntry& entry : message.subscribed) {
    replayed += entry.replayed;
    tell_where_it_stands(entry);
    if (const std::optional<Incident> incident = book_.subscribed(entry)) {
      listener_.on_incident(entry.channel, *incident);
    }
    for (const SubscribedEntry& gap : entry.gaps) {
      if (const std::optional<Incident> incident = book_.subscribed(gap)) {
        listener_.on_incident(gap.channel, *incident);
      }
    }
  }
  const bool resumed = since_.has_value();
  if (!since_) {
    const protocol::Result<protocol::SystemMicros> time = protocol::parse_timestamp(message.timestamp);
    since_ = time ? *time : std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  }
  listener_.on_subscribed(message.subscribed.size(), resumed, replayed);
}

void Subscriber::refuse(cli::ExitCode code, std::string message) {
  refusal_code_ = code;
  refusal_ = std::move(message);
  stop();
}

void Subscriber::on_disconnect(const client::Failure& why, std::chrono::nanoseconds retry_in,
                               bool /*was_open*/) {
  answer_timer_.cancel();
  report_holes(std::nullopt);
  listener_.on_disconnect(why, retry_in);
}

void Subscriber::on_end(const client::Failure& why) {
  answer_timer_.cancel();
  holes_timer_.cancel();
  // After a stop of ours, a young hole may only not have been filled yet.
  const bool stopped = stage_ == Stage::kStopped;
  report_holes(stopped ? std::optional(std::chrono::steady_clock::now() - kHolePatience) : std::nullopt);
  if (!refusal_.empty()) return listener_.on_end(refusal_code_, refusal_);
  listener_.on_end(cli::exit_code(why.kind), why.message);
}

}  // namespace wskit::tap
