// Who is connected: the command `presence`, and what administrators ask for.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "common/protocol/quote.h"
#include "wsserve/auth/permissions.h"
#include "wsserve/channel/hub.h"
#include "wsserve/cluster/bus.h"
#include "wsserve/command/command_host.h"
#include "wsserve/command/command_runner.h"
#include "wsserve/command/survey.h"
#include "wsserve/connection/exchange.h"
#include "wsserve/connection/logs.h"
#include "wsserve/connection/peer.h"
#include "wsserve/http/admin_request.h"

namespace wskit::server {

namespace {

using cluster::Answer;
using http::AdminRequest;
using protocol::Error;
using protocol::ErrorCode;

// An answer to `presence` lists so many at most; it counts all.
constexpr std::size_t kMaxPresent = 1'000;

cluster::ConnectionFilter filter_of(const AdminRequest& request) {
  return {.connection = request.connection, .user = request.user, .channel = request.channel};
}

std::string channel_json(const Channel& channel, std::size_t subscriptions) {
  const Position position = channel.position();
  return fmt::format(
      R"({{"channel":{},"offset":{},"epoch":"{}","durable":{},"delivery":"{}","subscriptions":{}}})",
      protocol::quote(channel.name()), position.offset, position.epoch, channel.is_durable(),
      channel.delivery() == DeliveryMode::kLatest ? "latest" : "lossless", subscriptions);
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
  people::survey(host_, peer.connection(), cluster::ListPresent{.channel = channel, .limit = kMaxPresent},
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
      return people::survey(host_, exchange.connection(), cluster::Disconnect{filter_of(request)},
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
  people::survey(
      host_, exchange.connection(),
      cluster::ListConnections{.which = filter_of(request), .limit = request.limit, .max_bytes = max_bytes},
      [&exchange, request, max_bytes](const Answer& answer) {
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
  people::survey(host_, exchange.connection(), cluster::CountSubscriptions{*listed},
                 [this, &exchange, listed, count](const Answer& answer) {
                   Answer channels;
                   for (std::size_t i = 0; i < listed->size(); ++i) {
                     const Channel* channel = host_.hub.find((*listed)[i]);
                     if (channel == nullptr) continue;
                     channels.entries.push_back(channel_json(*channel, answer.subscriptions[i]));
                   }
                   exchange.answer(fmt::format("{{\"channels\":{},\"count\":{}}}\n",
                                               people::as_array(channels, SIZE_MAX), count));
                 });
}

}  // namespace wskit::server
