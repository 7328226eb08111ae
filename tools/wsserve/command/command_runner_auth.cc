// Who asks: the greeting, the token that comes later, and what changes with it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>

#include "common/protocol/quote.h"
#include "common/protocol/timestamp.h"
#include "common/text_hash.h"
#include "wsserve/auth/gate.h"
#include "wsserve/auth/permissions.h"
#include "wsserve/command/command_host.h"
#include "wsserve/command/command_runner.h"
#include "wsserve/connection/logs.h"
#include "wsserve/connection/peer.h"

namespace wskit::server {
namespace {

using protocol::Error;
using protocol::ErrorCode;

// docs/protocol.md, "connected".
constexpr std::array<std::string_view, 2> kFeatures{"gap", "sequence"};

// Of its address, its token and the server, each one once.
std::vector<std::string> first_channels(const auth::Identity& identity, const FirstSubscriptions& first) {
  std::vector<std::string> names;
  std::unordered_set<std::string, TextHash, std::equal_to<>> known;
  const auto add_new = [&](const std::string& name) {
    if (!name.empty() && known.insert(name).second) names.push_back(name);
  };
  for (const std::string& name : first.channels) {
    if (!first.defaults || auth::may_subscribe(identity, name)) add_new(name);
  }
  for (const std::string& name : identity.grants.channels) add_new(name);
  add_new(auth::user_channel(identity));
  return names;
}

}  // namespace

void CommandRunner::welcome(Peer& peer, const FirstSubscriptions& first, std::chrono::milliseconds heartbeat,
                            std::size_t max_message_bytes) {
  const auth::Identity& user = peer.client().identity();
  const ServerIdentity& identity = host_.server.identity();
  const std::string id = peer.client().id();
  const auto channels = user.awaits_token ? std::vector<std::string>() : first_channels(user, first);
  std::optional<double> auth_within;
  if (user.awaits_token) {
    auth_within = std::chrono::duration<double>(host_.settings->auth_timeout).count();
  }
  reply(peer, {},
        protocol::Connected{.connection = id,
                            .user = user.user,
                            .server = identity.server,
                            .node = identity.node,
                            .heartbeat_seconds = std::chrono::duration<double>(heartbeat).count(),
                            .max_message_bytes = max_message_bytes,
                            .channels = {channels.begin(), channels.end()},
                            .features = {kFeatures.begin(), kFeatures.end()},
                            .auth_within_seconds = auth_within});
  if (!user.awaits_token) subscribe_first(peer, channels, first);
}

void CommandRunner::subscribe_first(Peer& peer, const std::vector<std::string>& channels,
                                    const FirstSubscriptions& first) {
  std::vector<std::string> allowed;
  for (const std::string& name : channels) {
    if (const auto error = auth::check_subscribe(peer.client().identity(), name)) {
      refuse(peer, {}, *error);
    } else {
      allowed.push_back(name);
    }
  }
  if (allowed.empty()) return;
  const std::vector<std::string_view> names(allowed.begin(), allowed.end());
  if (const auto error = check(Asker(peer), names)) return refuse(peer, {}, *error);
  // An address without types, a token and the server's defaults ask for none of them.
  const bool unasked = peer.default_filter() == nullptr;
  subscribe(peer,
            {{},
             allowed,
             {.filter = peer.default_filter(),
              .by_default = true,
              .unasked = unasked,
              .pace = peer.default_pace()}},
            first.since);
}

void CommandRunner::authenticate(Peer& peer, const protocol::Command& command) {
  const auth::Gate& gate = *host_.settings->gate;
  auto admitted = gate.check(command.token, std::chrono::system_clock::now());
  if (!admitted) {
    refuse(peer, command.id, admitted.error());
    if (gate.asks()) peer.count_refused_token();
    return;
  }
  const auth::Identity& before = peer.client().identity();
  if (!before.anonymous() && before.user != (*admitted)->user) {
    return refuse(peer, command.id,
                  {ErrorCode::kForbidden,
                   fmt::format("this connection is user {}'s; open another one for another user",
                               protocol::quote(before.user)),
                   {}});
  }
  const bool renewed = !before.anonymous();
  std::optional<FirstSubscriptions> first;
  if (!peer.sign_in(std::move(*admitted), first)) return;
  presence_.renamed(peer);
  logs::authenticate(host_, peer.client());
  protocol::TimestampWriter writer;
  const auto& expires = peer.client().identity().expires;
  reply(peer, command.id,
        protocol::Authenticated{.user = peer.client().identity().user,
                                .expires = expires ? writer.write(*expires) : std::string_view()});
  if (renewed || !first) drop_forbidden(peer);
  if (renewed) return;
  const FirstSubscriptions subscriptions = first.value_or(FirstSubscriptions{});
  subscribe_first(peer, first_channels(peer.client().identity(), subscriptions), subscriptions);
}

void CommandRunner::drop_forbidden(Peer& peer) {
  std::vector<std::string> forbidden;
  for (const auto& subscription : peer.subscriptions()) {
    const std::string& name = subscription->name();
    if (!peer.client().owns_channel(name) && !auth::may_subscribe(peer.client().identity(), name)) {
      forbidden.push_back(name);
    }
  }
  if (forbidden.empty()) return;
  for (const std::string& name : forbidden) end_subscription(peer, name);
  peer.subscriptions_left();
  const std::vector<std::string_view> left(forbidden.begin(), forbidden.end());
  logs::unsubscribe(host_, peer.client(), left);
  reply(peer, {}, protocol::Unsubscribed{.channels = left, .event_types = {}});
}

}  // namespace wskit::server
