#include "wstap/subscriber.h"

#include <fmt/core.h>

#include <utility>

#include "common/protocol/position.h"

namespace wskit::tap {

using protocol::EventView;

Subscriber::Subscriber(boost::asio::io_context& io, client::ClientOptions options, Selection selection,
                       SubscriberListener& listener)
    : selection_(std::move(selection)),
      listener_(listener),
      book_(selection_.filters_types() ? ChannelBook::Offsets::kWithHoles
                                       : ChannelBook::Offsets::kContiguous),
      answer_timer_(io),
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
      if (const std::optional<Incident> incident = book_.read(*event)) {
        listener_.on_incident(event->channel, *incident);
      }
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
      if (message.type == "error") listener_.on_server_error(message.error_code, message.error_message);
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
  // Subscribed anew, so that positions and types hold from the first event on.
  if (!message.channels.empty()) client_.send(unsubscribe_command(message.channels));
  const std::string since = since_ ? protocol::to_json(book_.resume_point(since_)) : std::string{};
  client_.send(selection_.subscribe_command(channels, since));
  stage_ = Stage::kAnswer;
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
    if (const std::optional<Incident> incident = book_.subscribed(entry)) {
      listener_.on_incident(entry.channel, *incident);
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
  listener_.on_disconnect(why, retry_in);
}

void Subscriber::on_end(const client::Failure& why) {
  answer_timer_.cancel();
  if (!refusal_.empty()) return listener_.on_end(refusal_code_, refusal_);
  listener_.on_end(cli::exit_code(why.kind), why.message);
}

}  // namespace wskit::tap
