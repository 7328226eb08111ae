// Who is connected: the command `presence`, and what administrators ask for.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>

#include "common/protocol/close_code.h"
#include "common/protocol/quote.h"
#include "wsserve/audit/records.h"
#include "wsserve/auth/permissions.h"
#include "wsserve/command_runner.h"
#include "wsserve/connection/connection.h"
#include "wsserve/http/admin_request.h"
#include "wsserve/hub.h"
#include "wsserve/people/roll_call.h"
#include "wsserve/shard.h"

namespace wskit::server {

namespace {

using http::AdminRequest;
using people::Answer;
using protocol::Error;
using protocol::ErrorCode;

// An answer to `presence` lists so many at most; it counts all.
constexpr std::size_t kMaxPresent = 1'000;

// Those on the shard whom `wanted` is true of, each told of by `entry`.
template <class Wanted, class Entry>
Answer roll(const Shard& shard, std::size_t limit, const Wanted& wanted, const Entry& entry) {
  Answer answer;
  for (const auto& [number, connection] : shard.connections()) {
    if (!connection->is_open() || !wanted(*connection)) continue;
    if (answer.entries.size() < limit) answer.entries.push_back(entry(*connection));
    ++answer.count;
  }
  return answer;
}

bool is_asked_for(const AdminRequest& request, const Connection& connection) {
  return (request.connection.empty() || connection.id() == request.connection) &&
         (!request.user || connection.identity().user == *request.user) &&
         (!request.channel || connection.hears(*request.channel));
}

Answer disconnect(Shard& shard, const AdminRequest& request) {
  std::vector<Connection*> found;
  for (const auto& [number, connection] : shard.connections()) {
    if (connection->is_open() && is_asked_for(request, *connection)) found.push_back(connection);
  }
  for (Connection* connection : found) {
    shard.counters().closed_by_administrator.add();
    connection->close(protocol::CloseCode::kDisconnectedByAdministrator, "disconnected by an administrator");
  }
  return {{}, found.size()};
}

std::string channel_json(const Channel& channel, std::size_t subscriptions) {
  const Position position = channel.position();
  return fmt::format(
      R"({{"channel":{},"offset":{},"epoch":"{}","durable":{},"delivery":"{}","subscriptions":{}}})",
      protocol::quote(channel.name()), position.offset, position.epoch, channel.stored() != nullptr,
      channel.delivery() == DeliveryMode::kLatest ? "latest" : "lossless", subscriptions);
}

// How many subscriptions of the shard, by name or pattern, are for each channel.
Answer tally(const Shard& shard, const std::vector<std::string>& channels) {
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < channels.size(); ++i) places.emplace(channels[i], i);
  std::vector<std::size_t> counts(channels.size());
  std::map<std::string_view, std::size_t> patterns;
  for (const auto& [number, connection] : shard.connections()) {
    for (const auto& subscription : connection->subscriptions()) {
      const std::string& name = subscription->name();
      if (protocol::looks_like_pattern(name)) {
        ++patterns[name];
      } else if (const auto place = places.find(name); place != places.end()) {
        ++counts[place->second];
      }
    }
  }
  for (const auto& [text, subscriptions] : patterns) {
    const auto pattern = protocol::Pattern::parse(text);
    for (std::size_t i = 0; i < channels.size(); ++i) {
      if (pattern->matches(channels[i])) counts[i] += subscriptions;
    }
  }
  Answer answer;
  for (const std::size_t count : counts) answer.entries.push_back(std::to_string(count));
  return answer;
}

Error no_such_connection(const std::string& id) {
  return {ErrorCode::kNotFound, fmt::format("there is no connection {}", protocol::quote(id)), {}};
}

}  // namespace

void CommandRunner::presence(Connection& connection, const protocol::Command& command) {
  const std::string channel(command.channels->front());
  if (!connection.hears(channel)) {
    if (const auto error = auth::check_subscribe(connection.identity(), channel)) {
      return refuse(connection, command.id, *error);
    }
  }
  const auto ask = [channel](Shard& shard) {
    return roll(
        shard, kMaxPresent, [&](const Connection& each) { return each.hears(channel); },
        [](const Connection& each) { return people::presence_json(each.id(), each.identity().user); });
  };
  people::take_roll_call(
      shard_, connection, ask,
      [this, channel, id = std::string(command.id)](Connection& asking, const Answer& answer) {
        text_.clear();
        protocol::append_control(
            text_, "presence", id, shard_.timestamp(),
            fmt::format(R"({{"channel":{},"connections":{},"count":{}}})", protocol::quote(channel),
                        people::as_array(answer, kMaxPresent), answer.count));
        asking.send_text(text_);
      });
}

void CommandRunner::administer(Connection& connection, const AdminRequest& request) {
  if (auto error = auth::check_admin(connection.identity(), request.what())) {
    return connection.answer_http(*std::move(error));
  }
  switch (request.action) {
    case AdminRequest::Action::kListChannels:
      return list_channels(connection, request);
    case AdminRequest::Action::kListConnections:
    case AdminRequest::Action::kShowConnection:
      return list_connections(connection, request);
    case AdminRequest::Action::kDisconnect:
      audit::administer(shard_, connection, "disconnect", request.target());
      return people::take_roll_call(
          shard_, connection, [request](Shard& shard) { return disconnect(shard, request); },
          [request](Connection& asking, const Answer& answer) {
            if (answer.count == 0 && !request.connection.empty()) {
              return asking.answer_http(no_such_connection(request.connection));
            }
            asking.answer_http(fmt::format("{{\"disconnected\":{}}}\n", answer.count));
          });
  }
}

void CommandRunner::list_connections(Connection& connection, const AdminRequest& request) {
  const auto ask = [request](Shard& shard) {
    return roll(
        shard, request.limit, [&](const Connection& each) { return is_asked_for(request, each); },
        [](const Connection& each) { return each.describe(); });
  };
  people::take_roll_call(shard_, connection, ask, [request](Connection& asking, const Answer& answer) {
    if (request.action == AdminRequest::Action::kListConnections) {
      return asking.answer_http(fmt::format("{{\"connections\":{},\"count\":{}}}\n",
                                            people::as_array(answer, request.limit), answer.count));
    }
    if (answer.entries.empty()) return asking.answer_http(no_such_connection(request.connection));
    asking.answer_http(answer.entries.front() + "\n");
  });
}

void CommandRunner::list_channels(Connection& connection, const AdminRequest& request) {
  // The names, not the channels: one may be forgotten while the shards are asked.
  std::vector<std::string> names;
  const auto pattern = request.pattern ? *request.pattern : *protocol::Pattern::parse("**");
  for (const Channel* channel : shard_.hub().matching(pattern)) names.push_back(channel->name());
  std::ranges::sort(names);
  const std::size_t count = names.size();
  names.resize(std::min(count, request.limit));
  const auto listed = std::make_shared<const std::vector<std::string>>(std::move(names));
  // One entry a channel of each shard.
  people::take_roll_call(
      shard_, connection, [listed](Shard& shard) { return tally(shard, *listed); },
      [this, listed, count](Connection& asking, const Answer& answer) {
        Answer channels;
        for (std::size_t i = 0; i < listed->size(); ++i) {
          const Channel* channel = shard_.hub().find((*listed)[i]);
          if (channel == nullptr) continue;
          std::size_t subscriptions = 0;
          for (std::size_t each = i; each < answer.entries.size(); each += listed->size()) {
            subscriptions += std::stoull(answer.entries[each]);
          }
          channels.entries.push_back(channel_json(*channel, subscriptions));
        }
        asking.answer_http(
            fmt::format("{{\"channels\":{},\"count\":{}}}\n", people::as_array(channels, SIZE_MAX), count));
      });
}

}  // namespace wskit::server
