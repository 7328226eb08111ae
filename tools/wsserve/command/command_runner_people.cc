// Who is connected: the command `presence`, and what administrators ask for.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "common/protocol/close_code.h"
#include "common/protocol/quote.h"
#include "wsserve/auth/permissions.h"
#include "wsserve/channel/hub.h"
#include "wsserve/command/command_host.h"
#include "wsserve/command/command_runner.h"
#include "wsserve/command/roll_call.h"
#include "wsserve/connection/exchange.h"
#include "wsserve/connection/logs.h"
#include "wsserve/connection/peer.h"
#include "wsserve/http/admin_request.h"
#include "wsserve/presence/record.h"

namespace wskit::server {

namespace {

using http::AdminRequest;
using people::Answer;
using protocol::Error;
using protocol::ErrorCode;

// An answer to `presence` lists so many at most; it counts all.
constexpr std::size_t kMaxPresent = 1'000;

// Those on the shard whom `wanted` is true of, each told of by `entry`; of as many as
// `limit` and `max_bytes` allow.
template <class Wanted, class Entry>
Answer roll(const CommandHost& host, std::size_t limit, std::size_t max_bytes, const Wanted& wanted,
            const Entry& entry) {
  Answer answer;
  std::size_t bytes = 0;
  for (const auto& [number, connection] : host.connections) {
    const Peer* peer = connection->peer();
    if (peer == nullptr || !peer->is_open() || !wanted(*peer)) continue;
    if (answer.entries.size() < limit && bytes <= max_bytes) {
      answer.entries.push_back(entry(*peer));
      bytes += answer.entries.back().size();
    }
    ++answer.count;
  }
  return answer;
}

// Those on the shard who listen to the channel.
Answer present(CommandHost& host, std::string_view channel) {
  std::vector<const Peer*> here;
  host.fanout.visit_listeners(channel, [&here](const Subscriber& subscriber) {
    const auto& peer = static_cast<const Peer&>(subscriber);
    if (peer.is_open()) here.push_back(&peer);
  });
  // One who listens by a name and by patterns is there once.
  std::ranges::sort(here, {}, [](const Peer* each) { return each->client().number(); });
  here.erase(std::unique(here.begin(), here.end()), here.end());
  Answer answer;
  answer.count = here.size();
  for (std::size_t i = 0; i < std::min(here.size(), kMaxPresent); ++i) {
    answer.entries.push_back(
        people::presence_json(here[i]->client().id(), here[i]->client().identity().user));
  }
  return answer;
}

bool is_asked_for(const AdminRequest& request, const Peer& peer) {
  return (request.connection.empty() || peer.client().id() == request.connection) &&
         (!request.user || peer.client().identity().user == *request.user) &&
         (!request.channel || peer.hears(*request.channel));
}

Answer disconnect(CommandHost& host, const AdminRequest& request) {
  std::vector<Connection*> found;
  for (const auto& [number, connection] : host.connections) {
    const Peer* peer = connection->peer();
    if (peer != nullptr && peer->is_open() && is_asked_for(request, *peer)) found.push_back(connection);
  }
  for (Connection* connection : found) {
    host.guard(*connection, "an administrator's disconnecting", [&] {
      host.counters.closed_by_administrator.add();
      connection->close(protocol::CloseCode::kDisconnectedByAdministrator,
                        "disconnected by an administrator");
    });
  }
  return {{}, found.size()};
}

std::string channel_json(const Channel& channel, std::size_t subscriptions) {
  const Position position = channel.position();
  return fmt::format(
      R"({{"channel":{},"offset":{},"epoch":"{}","durable":{},"delivery":"{}","subscriptions":{}}})",
      protocol::quote(channel.name()), position.offset, position.epoch, channel.is_durable(),
      channel.delivery() == DeliveryMode::kLatest ? "latest" : "lossless", subscriptions);
}

// How many subscriptions of the shard, by name or pattern, are for each channel.
Answer tally(CommandHost& host, const std::vector<std::string>& channels) {
  Answer answer;
  for (const std::string& channel : channels) {
    answer.entries.push_back(std::to_string(host.fanout.count_listeners(channel)));
  }
  return answer;
}

Error no_such_connection(const std::string& id) {
  return {ErrorCode::kNotFound, fmt::format("there is no connection {}", protocol::quote(id)), {}};
}

}  // namespace

void CommandRunner::presence(Peer& peer, const protocol::Command& command) {
  const std::string channel(command.channels->front());
  if (!peer.hears(channel)) {
    if (const auto error = auth::check_subscribe(peer.client().identity(), channel)) {
      return refuse(peer, command.id, *error);
    }
  }
  if (!peer.connection().writer().takes_answers()) return refuse(peer, command.id, unread_answers());
  const auto ask = [channel](CommandHost& host) { return present(host, channel); };
  people::take_roll_call(host_, peer.connection(), ask,
                         [this, &peer, channel, id = std::string(command.id)](const Answer& answer) {
                           reply(peer, id,
                                 protocol::Present{.channel = channel,
                                                   .connections = people::as_array(answer, kMaxPresent),
                                                   .count = answer.count});
                         });
}

void CommandRunner::administer(Exchange& exchange, const AdminRequest& request) {
  if (auto error = auth::check_admin(exchange.client().identity(), request.what())) {
    return exchange.answer(*std::move(error));
  }
  switch (request.action) {
    case AdminRequest::Action::kListChannels:
      return list_channels(exchange, request);
    case AdminRequest::Action::kListConnections:
    case AdminRequest::Action::kShowConnection:
      return list_connections(exchange, request);
    case AdminRequest::Action::kDisconnect:
      logs::administer(host_, exchange.client(), "disconnect", request.target());
      return people::take_roll_call(
          host_, exchange.connection(), [request](CommandHost& host) { return disconnect(host, request); },
          [&exchange, request](const Answer& answer) {
            if (answer.count == 0 && !request.connection.empty()) {
              return exchange.answer(no_such_connection(request.connection));
            }
            exchange.answer(fmt::format("{{\"disconnected\":{}}}\n", answer.count));
          });
  }
}

void CommandRunner::list_connections(Exchange& exchange, const AdminRequest& request) {
  // Each may have as much to say as its subscriptions.
  const std::size_t max_bytes = host_.settings->message_limits.max_message_bytes;
  const auto ask = [request, max_bytes](CommandHost& host) {
    return roll(
        host, request.limit, max_bytes, [&](const Peer& each) { return is_asked_for(request, each); },
        [](const Peer& each) { return each.describe(); });
  };
  people::take_roll_call(
      host_, exchange.connection(), ask, [&exchange, request, max_bytes](const Answer& answer) {
        if (request.action == AdminRequest::Action::kListConnections) {
          return exchange.answer(fmt::format("{{\"connections\":{},\"count\":{}}}\n",
                                             people::as_array(answer, request.limit, max_bytes),
                                             answer.count));
        }
        if (answer.entries.empty()) return exchange.answer(no_such_connection(request.connection));
        exchange.answer(answer.entries.front() + "\n");
      });
}

void CommandRunner::list_channels(Exchange& exchange, const AdminRequest& request) {
  // The names, not the channels: one may be forgotten while the shards are asked.
  std::vector<std::string> names;
  const auto pattern = request.pattern ? *request.pattern : *protocol::Pattern::parse("**");
  std::vector<Channel*> matching = host_.hub.matching(pattern);
  const std::size_t count = matching.size();
  const auto listed_end = matching.begin() + static_cast<std::ptrdiff_t>(std::min(count, request.limit));
  std::ranges::partial_sort(matching, listed_end, {},
                            [](const Channel* each) { return std::string_view(each->name()); });
  for (auto each = matching.begin(); each != listed_end; ++each) names.push_back((*each)->name());
  const auto listed = std::make_shared<const std::vector<std::string>>(std::move(names));
  // One entry a channel of each shard.
  people::take_roll_call(
      host_, exchange.connection(), [listed](CommandHost& host) { return tally(host, *listed); },
      [this, &exchange, listed, count](const Answer& answer) {
        Answer channels;
        for (std::size_t i = 0; i < listed->size(); ++i) {
          const Channel* channel = host_.hub.find((*listed)[i]);
          if (channel == nullptr) continue;
          std::size_t subscriptions = 0;
          for (std::size_t each = i; each < answer.entries.size(); each += listed->size()) {
            subscriptions += std::stoull(answer.entries[each]);
          }
          channels.entries.push_back(channel_json(*channel, subscriptions));
        }
        exchange.answer(
            fmt::format("{{\"channels\":{},\"count\":{}}}\n", people::as_array(channels, SIZE_MAX), count));
      });
}

}  // namespace wskit::server
