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
#include "wsserve/connection/exchange.h"
#include "wsserve/connection/logs.h"
#include "wsserve/connection/peer.h"
#include "wsserve/http/publish_request.h"

namespace wskit::server {

using protocol::Action;
using protocol::Command;
using protocol::Error;
using protocol::ErrorCode;

namespace {

protocol::CommandParser::ServerSpace server_space_of(const Client& client) {
  using ServerSpace = protocol::CommandParser::ServerSpace;
  return auth::may_announce(client.identity()) ? ServerSpace::kAllowed : ServerSpace::kRefused;
}

}  // namespace

void CommandRunner::run(Peer& peer, std::string_view text) {
  host_.counters.commands.add();
  const auto parsed = parser_.parse(text, server_space_of(peer.client()));
  if (refuse_over_rate(peer, parsed ? (*parsed)->id : parsed.error().id,
                       parsed ? (*parsed)->publish.size() : 0)) {
    return;
  }
  if (!parsed) return refuse(peer, parsed.error().id, parsed.error().error);
  const Command& command = **parsed;
  logs::command(host_, peer.client(), command);
  if (const auto error = auth::check_command(peer.client().identity(), command.action)) {
    return refuse(peer, command.id, *error);
  }
  if (command.action == Action::kPublish) return publish(peer, command);
  if (command.action == Action::kPing) return reply(peer, command.id, protocol::Pong{command.timestamp});
  const Clock::time_point began = Clock::now();
  carry_out(peer, command);
  let_others_go_on(peer, began);
}

void CommandRunner::refuse_unread(Peer& peer, const Error& error) {
  host_.counters.commands.add();
  if (!refuse_over_rate(peer, {}, 0)) refuse(peer, {}, error);
}

bool CommandRunner::refuse_over_rate(Peer& peer, std::string_view id, std::size_t events) {
  if (!host_.settings->limits.watches_traffic()) return false;
  const auto error = peer.client().over_rate(events);
  if (!error) return false;
  refuse(peer, id, *error);
  peer.close_if_insisting();
  return true;
}

void CommandRunner::carry_out(Peer& peer, const Command& command) {
  switch (command.action) {
    case Action::kPublish:
    case Action::kPing:
      return;
    case Action::kSubscribe:
      return subscribe(peer, command);
    case Action::kUnsubscribe:
      return unsubscribe(peer, command);
    case Action::kStats:
      if (!peer.connection().writer().takes_answers()) return refuse(peer, command.id, unread_answers());
      return reply(peer, command.id, protocol::Statistics{host_.server.stats(peer.client().identity())});
    case Action::kAuth:
      return authenticate(peer, command);
    case Action::kHistory:
      return history(peer, command);
    case Action::kPresence:
      return presence(peer, command);
  }
}

void CommandRunner::reply(Peer& peer, std::string_view id, const protocol::Reply& reply) {
  text_.clear();
  protocol::append_reply(text_, id, host_.clock.timestamp(), reply);
  peer.send_text(text_);
}

void CommandRunner::refuse(Peer& peer, std::string_view id, const Error& error) {
  host_.counters.command_errors.add();
  if (error.code == ErrorCode::kUnauthorized) host_.counters.unauthorized.add();
  if (error.code == ErrorCode::kForbidden) host_.counters.forbidden.add();
  logs::refuse(host_, peer.client(), error);
  reply(peer, id, protocol::refused(error));
}

namespace {

// Whom a channel counts to that is made: a user, else an address; empty: nobody. No user
// has the name of an address.
std::string client_of(const Client& client) {
  if (!client.user().empty()) return "user " + std::string(client.user());
  if (client.is_proxy_itself() || !client.address().ip()) return {};
  return "address " + std::string(client.address().ip()->counted_as());
}

// The channels that are nobody else's, and of which each has one.
bool is_own(const Client& client, std::string_view name) {
  constexpr std::string_view kUser = "@user/";
  const bool of_user = name.starts_with(kUser) && name.substr(kUser.size()) == client.user();
  return of_user || client.owns_channel(name);
}

std::string subscriber_of(const Client& client, std::string_view name) {
  return is_own(client, name) ? std::string() : client_of(client);
}

// The same for what is published: an administrator's engine may have as many as it needs.
std::string publisher_of(const Client& client) {
  return client.identity().grants.admin ? std::string() : client_of(client);
}

}  // namespace

Channel* CommandRunner::find_channel(const Client& client, For what, std::string_view name) {
  if (const auto known = channels_.find(name); known != channels_.end()) return known->second;
  Channel* channel = host_.hub.find(name);
  if (channel == nullptr) {
    const Hub::Made made = host_.hub.find_or_create(
        name, what == For::kPublishing ? publisher_of(client) : subscriber_of(client, name));
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

Error CommandRunner::no_room(const Client& client, std::string_view name) const {
  const HubLimits& limits = host_.settings->hub;
  const std::size_t limit = share_is_taken_ ? limits.max_channels_per_client : limits.max_channels;
  return {
      ErrorCode::kTooManyChannels,
      share_is_taken_
          ? fmt::format("as many channels as {} may make, {}, are there already "
                        "(--max-server-channels-per-client); this one would be new: {}; leave some to which "
                        "nobody publishes, or use a pattern",
                        client.user().empty() ? "one address" : "one user", limit, name)
          : fmt::format("the server has as many channels as it may (--max-server-channels); this one would "
                        "be new: {}",
                        name),
      fmt::format(R"({{"limit":{}}})", limit)};
}

Error CommandRunner::unread_answers() {
  return {ErrorCode::kRateLimited, "answers wait to be read: read them before you ask for more", {}};
}

void CommandRunner::let_others_go_on(Peer& peer, Clock::time_point began) {
  const Clock::time_point now = Clock::now();
  // What the commands of this turn have taken together.
  if (std::exchange(turn_, host_.now) != host_.now) spent_ = {};
  spent_ += now - began;
  if (spent_ < Fanout::kSlice || !peer.is_open() || peer.connection().is_suspended()) return;
  peer.connection().suspend();
  host_.inbox.post([this, number = peer.client().number()] {
    Connection* asking = host_.find(number);
    if (asking == nullptr || !asking->is_suspended()) return;
    // The commands behind it are carried out in here.
    host_.guard(*asking, "commands that let others go on", [asking] { asking->resume([] {}); });
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

void CommandRunner::history(Peer& peer, const Command& command) {
  const std::string_view name = command.channels->front();
  if (const auto error = auth::check_read(peer.client().identity(), name)) {
    return refuse(peer, command.id, *error);
  }
  // One short command asks for up to a whole message of events.
  if (!peer.connection().writer().takes_answers()) return refuse(peer, command.id, unread_answers());
  Channel* channel = host_.hub.find(name);
  if (channel == nullptr) {
    return refuse(peer, command.id,
                  {ErrorCode::kNotFound, fmt::format("no event was ever published to '{}'", name), {}});
  }
  const auto answer = [this, &peer, id = std::string(command.id)](const protocol::Result<HistoryPage>& page) {
    if (!page) return refuse(peer, id, page.error());
    reply(peer, id, page->reply());
  };
  history_.page(peer.connection(), *channel, command.since.value_or(protocol::FromStart{}),
                command.limit.value_or(protocol::kDefaultHistoryLimit),
                host_.settings->message_limits.max_message_bytes, answer);
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

// Points at a client until the end of its scope, however that is left.
class Holding {
 public:
  Holding(const Client*& pointer, const Client& client) : pointer_(pointer) { pointer_ = &client; }
  ~Holding() { pointer_ = nullptr; }
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;

 private:
  const Client*& pointer_;
};

// Hands the channel over to the publisher of its first event. That is accepted already, so
// nothing may fail here: without memory the channel stays with those who made it.
void tell_born(Hub& hub, const Channel& channel, const Client& client) noexcept {
  try {
    hub.born(channel, publisher_of(client));
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

std::optional<Error> CommandRunner::find_targets(const Client& client, const Command& command) {
  const Holding publishing(publishing_, client);
  targets_.clear();
  routes_.clear();
  for (const protocol::PublishEvent& event : command.publish) {
    targets_.push_back(find_channel(client, For::kPublishing, event.channel));
    if (targets_.back() == nullptr) return no_room(client, event.channel);
    routes_.add(*targets_.back(), event);
    if (!targets_.back()->is_durable() || host_.hub.broker().is_available()) continue;
    host_.counters.unavailable.add(command.publish.size());
    return store_is_away(host_.server.store_problem());
  }
  return std::nullopt;
}

std::optional<Error> CommandRunner::publish_events(Client& client, const Command& command) {
  published_.clear();
  // What is forbidden leaves no channel behind.
  for (std::size_t i = 0; i < command.publish.size(); ++i) {
    if (auto error = auth::check_publish(client.identity(), command.publish[i].channel)) {
      return command.batch ? protocol::at_index(*error, i) : *error;
    }
    if (!people::is_reachable(host_, command.publish[i].channel)) {
      const Error error = nobody_there(command.publish[i].channel);
      return command.batch ? protocol::at_index(error, i) : error;
    }
  }
  if (auto error = find_targets(client, command)) return error;
  const ProducerPtr none;
  const ProducerPtr& producer = command.producer.empty() ? none : client.producer(command.producer);
  const ReceiveTime received = host_.clock.receive_time();
  std::int64_t newest_sequence = protocol::kNoSequence;
  if (producer != nullptr) {
    if (auto error = check_sequences(command, *producer, received.at, newest_sequence)) return error;
  }
  // What is accepted is also told of: there is room for that before.
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
    if (accepted.first) tell_born(host_.hub, channel, client);
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
  logs::publish(host_, client, std::span(command.publish).first(published_.size()), published_);
  if (producer != nullptr && !published_.empty()) producer->accepted(newest_sequence);
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

void CommandRunner::publish(Peer& peer, const Command& command) {
  const auto error = publish_events(peer.client(), command);
  if (!published_.empty() && host_.hub.crowded()) peer.pause_reading();
  if (error) return refuse(peer, command.id, *error);
  // Also without an id: that events were not stored is said in any case.
  if (!on_the_way_.empty()) return peer.await(pending_reply(command.id, command.batch));
  if (command.id.empty()) return;
  text_.clear();
  protocol::append_reply(text_, command.id, acknowledged_at_,
                         protocol::PublishedAll{.events = published_, .batch = command.batch});
  peer.send_text(text_);
}

void CommandRunner::publish_over_http(Exchange& exchange, const http::PublishRequest& request) {
  const auto parsed = parser_.publish(request.events, request.producer, request.is_batch(),
                                      server_space_of(exchange.client()));
  if (!parsed) return exchange.answer(http::at_line(parsed.error().error, request.lines));
  const Command& command = **parsed;
  if (auto error = exchange.client().request_over_rate(command.publish.size())) {
    return exchange.answer(std::move(*error));
  }
  if (auto error = publish_events(exchange.client(), command)) return exchange.answer(std::move(*error));
  if (!on_the_way_.empty()) return exchange.await(pending_reply({}, request.is_batch()));
  text_.clear();
  protocol::append_reply_data(text_,
                              protocol::PublishedAll{.events = published_, .batch = request.is_batch()});
  text_ += '\n';
  exchange.answer(text_);
}

}  // namespace wskit::server
