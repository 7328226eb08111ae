#include "wsserve/command/command_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/protocol/channel.h"
#include "common/protocol/quote.h"
#include "wsserve/auth/permissions.h"
#include "wsserve/channel/hub.h"
#include "wsserve/command/announcement.h"
#include "wsserve/command/command_host.h"
#include "wsserve/connection/connection.h"
#include "wsserve/connection/logs.h"
#include "wsserve/http/publish_request.h"

namespace wskit::server {

using protocol::Action;
using protocol::Command;
using protocol::Error;
using protocol::ErrorCode;

void CommandRunner::run(Connection& connection, std::string_view text) {
  host_.counters.commands.add();
  const auto parsed = parse(connection, text);
  if (host_.settings->limits.watches_traffic()) {
    if (const auto error = connection.client().over_rate(parsed ? (*parsed)->publish.size() : 0)) {
      refuse(connection, parsed ? (*parsed)->id : parsed.error().id, *error);
      return connection.close_if_insisting();
    }
  }
  if (!parsed) return refuse(connection, parsed.error().id, parsed.error().error);
  const Command& command = **parsed;
  logs::command(host_, connection.client(), command);
  if (const auto error = auth::check_command(connection.client().identity(), command.action)) {
    return refuse(connection, command.id, *error);
  }
  if (command.action == Action::kPublish) return publish(connection, command);
  if (command.action == Action::kPing) {
    text_.clear();
    protocol::append_pong(text_, command.id, host_.clock.timestamp(), command.timestamp);
    return connection.send_text(text_);
  }
  const Clock::time_point began = Clock::now();
  carry_out(connection, command);
  let_others_go_on(connection, began);
}

void CommandRunner::carry_out(Connection& connection, const Command& command) {
  switch (command.action) {
    case Action::kPublish:
    case Action::kPing:
      return;
    case Action::kSubscribe:
      return subscribe(connection, command);
    case Action::kUnsubscribe:
      return unsubscribe(connection, command);
    case Action::kStats:
      if (!connection.writer().takes_answers()) return refuse(connection, command.id, unread_answers());
      text_.clear();
      protocol::append_control(text_, "stats", command.id, host_.clock.timestamp(),
                               host_.server.stats(connection.client().identity()));
      return connection.send_text(text_);
    case Action::kAuth:
      return authenticate(connection, command);
    case Action::kHistory:
      return history(connection, command);
    case Action::kPresence:
      return presence(connection, command);
  }
}

boost::system::result<const Command*, protocol::CommandError> CommandRunner::parse(
    const Connection& connection, std::string_view text) {
  using ServerSpace = protocol::CommandParser::ServerSpace;
  return parser_.parse(text, auth::may_announce(connection.client().identity()) ? ServerSpace::kAllowed
                                                                                : ServerSpace::kRefused);
}

void CommandRunner::refuse(Connection& connection, std::string_view id, const Error& error) {
  host_.counters.command_errors.add();
  if (error.code == ErrorCode::kUnauthorized) host_.counters.unauthorized.add();
  if (error.code == ErrorCode::kForbidden) host_.counters.forbidden.add();
  logs::refuse(host_, connection.client(), error);
  text_.clear();
  protocol::append_error(text_, id, host_.clock.timestamp(), error);
  connection.send_text(text_);
}

namespace {

// Whom a channel counts to that is made: a user, else an address; empty: nobody. No user
// has the name of an address.
std::string client_of(const Connection& connection) {
  if (!connection.client().user().empty()) return "user " + std::string(connection.client().user());
  if (connection.client().is_proxy_itself() || !connection.client().address().ip()) return {};
  return "address " + std::string(connection.client().address().ip()->counted_as());
}

// The channels that are nobody else's, and of which each has one.
bool is_own(const Connection& connection, std::string_view name) {
  constexpr std::string_view kUser = "@user/";
  const bool of_user = name.starts_with(kUser) && name.substr(kUser.size()) == connection.client().user();
  return of_user || connection.client().owns_channel(name);
}

std::string subscriber_of(const Connection& connection, std::string_view name) {
  return is_own(connection, name) ? std::string() : client_of(connection);
}

// The same for what is published: an administrator's engine may have as many as it needs.
std::string publisher_of(const Connection& connection) {
  return connection.client().identity().grants.admin ? std::string() : client_of(connection);
}

}  // namespace

Channel* CommandRunner::find_channel(const Connection& connection, For what, std::string_view name) {
  if (const auto known = channels_.find(name); known != channels_.end()) return known->second;
  Channel* channel = host_.hub.find(name);
  if (channel == nullptr) {
    const Hub::Made made = host_.hub.find_or_create(
        name, what == For::kPublishing ? publisher_of(connection) : subscriber_of(connection, name));
    share_is_taken_ = made.share_is_taken;
    channel = made.channel;
  }
  if (channel == nullptr) {
    ShardCounters& counters = host_.counters;
    (share_is_taken_ ? counters.refused_channels_client : counters.refused_channels_server).add();
    return nullptr;
  }
  channels_.emplace(channel->name(), channel);
  return channel;
}

void CommandRunner::let_go_of(std::span<Channel* const> channels) {
  for (const Channel* channel : channels) channels_.erase(channel->name());
}

Error CommandRunner::no_room(const Connection& connection, std::string_view name) const {
  const HubLimits& limits = host_.settings->hub;
  const std::size_t limit = share_is_taken_ ? limits.max_channels_per_client : limits.max_channels;
  return {
      ErrorCode::kTooManyChannels,
      share_is_taken_
          ? fmt::format("as many channels as {} may make, {}, are there already "
                        "(--max-server-channels-per-client); this one would be new: {}; leave some to which "
                        "nobody publishes, or use a pattern",
                        connection.client().user().empty() ? "one address" : "one user", limit, name)
          : fmt::format("the server has as many channels as it may (--max-server-channels); this one would "
                        "be new: {}",
                        name),
      fmt::format(R"({{"limit":{}}})", limit)};
}

Error CommandRunner::unread_answers() {
  return {ErrorCode::kRateLimited, "answers wait to be read: read them before you ask for more", {}};
}

void CommandRunner::let_others_go_on(Connection& connection, Clock::time_point began) {
  const Clock::time_point now = Clock::now();
  // What the commands of this turn have taken together.
  if (std::exchange(turn_, host_.now) != host_.now) spent_ = {};
  spent_ += now - began;
  if (spent_ < Fanout::kSlice || !connection.is_open() || connection.is_suspended()) return;
  connection.suspend();
  host_.inbox.post([this, number = connection.number()] {
    Connection* asking = host_.find(number);
    if (asking != nullptr && asking->is_suspended()) asking->resume([](Connection&) {});
  });
}

namespace {

Error nobody_there(std::string_view channel) {
  return {ErrorCode::kNotFound, fmt::format("{} has left, or was never here", protocol::quote(channel)),
          fmt::format(R"({{"channel":{}}})", protocol::quote(channel))};
}

Error store_is_away(const std::string& problem) {
  return {ErrorCode::kUnavailable,
          "the store takes no events now, so this one was not accepted; send it again later: " + problem,
          {}};
}

}  // namespace

// --- history ---------------------------------------------------------------

void CommandRunner::history(Connection& connection, const Command& command) {
  const std::string_view name = command.channels->front();
  if (const auto error = auth::check_read(connection.client().identity(), name)) {
    return refuse(connection, command.id, *error);
  }
  protocol::Since since = protocol::FromStart{};
  if (!command.since.empty()) {
    const auto parsed = protocol::parse_since(command.since, host_.clock.receive_time().at);
    if (!parsed) return refuse(connection, command.id, parsed.error());
    since = *parsed;
  }
  const auto limit = parse_limit(command.limit);
  if (!limit) return refuse(connection, command.id, limit.error());
  // One short command asks for up to a whole message of events.
  if (!connection.writer().takes_answers()) return refuse(connection, command.id, unread_answers());
  Channel* channel = host_.hub.find(name);
  if (channel == nullptr) {
    return refuse(connection, command.id,
                  {ErrorCode::kNotFound, fmt::format("no event was ever published to '{}'", name), {}});
  }
  const auto answer = [this, id = std::string(command.id)](Connection& asking,
                                                           const protocol::Result<HistoryPage>& page) {
    if (!page) return refuse(asking, id, page.error());
    text_.clear();
    protocol::append_control(text_, "history", id, host_.clock.timestamp(), page->json());
    asking.send_text(text_);
  };
  history_.page(connection, *channel, since, *limit, host_.settings->message_limits.max_message_bytes,
                answer);
}

// --- publish -------------------------------------------------------------

namespace {

Error sequence_is_forgotten(const Command& command, std::size_t index, std::int64_t oldest) {
  const protocol::PublishEvent& event = command.publish[index];
  const Error error{
      ErrorCode::kBadEvent,
      fmt::format("sequence {} of {} in {} is older than the oldest that is remembered there, {} "
                  "(--dedup-ids, --dedup-ttl): nobody can say whether it was published",
                  event.sequence, protocol::quote(command.producer), protocol::quote(event.channel), oldest),
      fmt::format(R"({{"sequence":{},"oldest":{}}})", event.sequence, oldest)};
  return command.batch ? protocol::at_index(error, index) : error;
}

// Points at a connection until the end of its scope, however that is left.
class Holding {
 public:
  Holding(const Connection*& pointer, const Connection& connection) : pointer_(pointer) {
    pointer_ = &connection;
  }
  ~Holding() { pointer_ = nullptr; }
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;

 private:
  const Connection*& pointer_;
};

// Hands the channel over to the publisher of its first event. That is accepted already, so
// nothing may fail here: without memory the channel stays with those who made it.
void tell_born(Hub& hub, const Channel& channel, const Connection& connection) noexcept {
  try {
    hub.born(channel, publisher_of(connection));
  } catch (...) {
    return;
  }
}

}  // namespace

std::optional<Error> CommandRunner::check_sequences(const Command& command, const Producer& producer,
                                                    protocol::SystemMicros now, std::int64_t& newest) const {
  newest = producer.newest();
  bool all_new = true;
  for (const protocol::PublishEvent& event : command.publish) {
    all_new = all_new && event.sequence > newest;
    newest = std::max(newest, event.sequence);
  }
  if (all_new) return std::nullopt;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const auto known = targets_[i]->check_sequence(producer, command.publish[i].sequence, now);
    if (known) return sequence_is_forgotten(command, i, known->oldest);
  }
  return std::nullopt;
}

std::optional<Error> CommandRunner::find_targets(const Connection& connection, const Command& command) {
  const Holding publishing(publishing_, connection);
  targets_.clear();
  routes_.clear();
  for (const protocol::PublishEvent& event : command.publish) {
    targets_.push_back(find_channel(connection, For::kPublishing, event.channel));
    if (targets_.back() == nullptr) return no_room(connection, event.channel);
    routes_.add(*targets_.back(), event);
    if (!targets_.back()->is_durable() || host_.hub.broker().is_available()) continue;
    host_.counters.unavailable.add(command.publish.size());
    return store_is_away(host_.server.store_problem());
  }
  return std::nullopt;
}

std::optional<Error> CommandRunner::publish_events(Connection& connection, const Command& command) {
  // What is forbidden leaves no channel behind.
  for (std::size_t i = 0; i < command.publish.size(); ++i) {
    if (auto error = auth::check_publish(connection.client().identity(), command.publish[i].channel)) {
      return command.batch ? protocol::at_index(*error, i) : *error;
    }
    if (!people::is_reachable(host_, command.publish[i].channel)) {
      const Error error = nobody_there(command.publish[i].channel);
      return command.batch ? protocol::at_index(error, i) : error;
    }
  }
  if (auto error = find_targets(connection, command)) return error;
  const ProducerPtr none;
  const ProducerPtr& producer =
      command.producer.empty() ? none : connection.client().producer(command.producer);
  const ReceiveTime received = host_.clock.receive_time();
  std::int64_t newest_sequence = protocol::kNoSequence;
  if (producer != nullptr) {
    if (auto error = check_sequences(command, *producer, received.at, newest_sequence)) return error;
  }
  // What is accepted is also told of: there is room for that before.
  published_.clear();
  published_.reserve(targets_.size());
  on_the_way_.clear();
  on_the_way_.reserve(targets_.size());
  std::size_t duplicates = 0;
  std::optional<Error> forgotten;
  acknowledged_at_ = received.text;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    Channel& channel = *targets_[i];
    const Accepted accepted = channel.publish(command.publish[i], received, routes_.copies(i), producer);
    // Others of this producer have come in between, or it does not rise in the batch.
    if (accepted.forgotten) {
      forgotten = sequence_is_forgotten(command, i, accepted.oldest);
      break;
    }
    routes_.count(i, accepted, host_.counters);
    if (accepted.duplicate) ++duplicates;
    if (accepted.first) tell_born(host_.hub, channel, connection);
    if (protocol::is_server_channel(channel.name()) && !accepted.duplicate) {
      people::announce(host_, channel, command.publish[i], accepted.offset, received.text);
    }
    host_.on_the_way(accepted.copies_ticket);
    if (accepted.unavailable || accepted.ticket != 0) {
      on_the_way_.push_back({.index = published_.size(), .ticket = accepted.ticket});
      host_.on_the_way(accepted.ticket);
    }
    published_.push_back({.channel = channel.name(),
                          .offset = accepted.offset,
                          .epoch = channel.epoch(),
                          .duplicate = accepted.duplicate});
  }
  host_.counters.published.add(published_.size() - duplicates);
  host_.counters.duplicates.add(duplicates);
  logs::publish(host_, connection.client(), std::span(command.publish).first(published_.size()), published_);
  if (producer != nullptr && !published_.empty()) producer->accepted(newest_sequence);
  if (host_.hub.crowded()) connection.hold_back();
  return forgotten;
}

PublishedReply CommandRunner::pending_reply(std::string_view id, bool batch) const {
  PublishedReply reply(id, acknowledged_at_, batch, published_);
  for (const OnTheWay& waits : on_the_way_) {
    PublishedReply::Event& event = reply.events[waits.index];
    event.ticket = waits.ticket;
    event.refused = waits.ticket == 0;
  }
  return reply;
}

void CommandRunner::publish(Connection& connection, const Command& command) {
  if (const auto error = publish_events(connection, command)) return refuse(connection, command.id, *error);
  // Also without an id: that events were not stored is said in any case.
  if (!on_the_way_.empty()) return connection.await(pending_reply(command.id, command.batch));
  if (command.id.empty()) return;
  text_.clear();
  protocol::append_published(text_, command.id, acknowledged_at_, published_, command.batch);
  connection.send_text(text_);
}

void CommandRunner::publish_over_http(Connection& connection, const http::PublishRequest& request) {
  const auto parsed = parse(connection, request.command);
  if (!parsed) return connection.answer_http(http::at_line(parsed.error().error, request.lines));
  const Command& command = **parsed;
  if (auto error = connection.client().request_over_rate(command.publish.size())) {
    return connection.answer_http(std::move(*error));
  }
  if (auto error = publish_events(connection, command)) return connection.answer_http(std::move(*error));
  const bool batch = !request.lines.empty();
  if (!on_the_way_.empty()) return connection.await(pending_reply({}, batch));
  text_.clear();
  protocol::append_published_data(text_, published_, batch);
  text_ += '\n';
  connection.answer_http(text_);
}

}  // namespace wskit::server
