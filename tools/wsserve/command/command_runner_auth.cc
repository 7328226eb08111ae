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
#include "wsserve/connection/connection.h"
#include "wsserve/connection/logs.h"

namespace wskit::server {
namespace {

using protocol::Error;
using protocol::ErrorCode;

// docs/protocol.md, "connected".
constexpr std::array<std::string_view, 2> kFeatures{"gap", "sequence"};

std::string authenticated_data(const auth::Identity& identity) {
  std::string data = R"({"user":)" + protocol::quote(identity.user) + R"(,"expires":)";
  if (identity.expires) {
    protocol::TimestampWriter writer;
    data += fmt::format(R"("{}")", writer.write(*identity.expires));
  } else {
    data += "null";
  }
  return data + '}';
}

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

void CommandRunner::welcome(Connection& connection, const FirstSubscriptions& first,
                            std::chrono::milliseconds heartbeat) {
  const auth::Identity& user = connection.client().identity();
  const ServerIdentity& identity = host_.server.identity();
  const std::string id = connection.client().id();
  const auto channels = user.awaits_token ? std::vector<std::string>() : first_channels(user, first);
  std::optional<double> auth_within;
  if (user.awaits_token) {
    auth_within = std::chrono::duration<double>(host_.settings->auth_timeout).count();
  }
  text_.clear();
  protocol::append_connected(text_, host_.clock.timestamp(),
                             {.connection = id,
                              .user = user.user,
                              .server = identity.server,
                              .node = identity.node,
                              .heartbeat_seconds = std::chrono::duration<double>(heartbeat).count(),
                              .max_message_bytes = connection.max_message_bytes(),
                              .channels = channels,
                              .features = kFeatures,
                              .auth_within_seconds = auth_within});
  connection.send_text(text_);
  if (!user.awaits_token) subscribe_first(connection, channels, first);
}

void CommandRunner::subscribe_first(Connection& connection, const std::vector<std::string>& channels,
                                    const FirstSubscriptions& first) {
  std::vector<std::string> allowed;
  for (const std::string& name : channels) {
    if (const auto error = auth::check_subscribe(connection.client().identity(), name)) {
      refuse(connection, {}, *error);
    } else {
      allowed.push_back(name);
    }
  }
  if (allowed.empty()) return;
  const std::vector<std::string_view> names(allowed.begin(), allowed.end());
  if (const auto error = check(connection, names)) return refuse(connection, {}, *error);
  // An address without types, a token and the server's defaults ask for none of them.
  const bool unasked = connection.default_filter() == nullptr;
  subscribe(connection,
            {{},
             allowed,
             {.filter = connection.default_filter(),
              .by_default = true,
              .unasked = unasked,
              .pace = connection.default_pace()}},
            first.since);
}

void CommandRunner::authenticate(Connection& connection, const protocol::Command& command) {
  const auth::Gate& gate = *host_.settings->gate;
  auto admitted = gate.check(command.token, std::chrono::system_clock::now());
  if (!admitted) {
    refuse(connection, command.id, admitted.error());
    if (gate.asks()) connection.count_refused_token();
    return;
  }
  const auth::Identity& before = connection.client().identity();
  if (!before.anonymous() && before.user != (*admitted)->user) {
    return refuse(connection, command.id,
                  {ErrorCode::kForbidden,
                   fmt::format("this connection is user {}'s; open another one for another user",
                               protocol::quote(before.user)),
                   {}});
  }
  const bool renewed = !before.anonymous();
  std::optional<FirstSubscriptions> first;
  if (!connection.take_identity(std::move(*admitted), first)) return;
  presence_.renamed(connection);
  logs::authenticate(host_, connection.client());
  text_.clear();
  protocol::append_control(text_, "authenticated", command.id, host_.clock.timestamp(),
                           authenticated_data(connection.client().identity()));
  connection.send_text(text_);
  if (renewed || !first) drop_forbidden(connection);
  if (renewed) return;
  const FirstSubscriptions subscriptions = first.value_or(FirstSubscriptions{});
  subscribe_first(connection, first_channels(connection.client().identity(), subscriptions), subscriptions);
}

void CommandRunner::drop_forbidden(Connection& connection) {
  std::vector<std::string> forbidden;
  for (const auto& subscription : connection.subscriptions()) {
    const std::string& name = subscription->name();
    if (!connection.client().owns_channel(name) &&
        !auth::may_subscribe(connection.client().identity(), name)) {
      forbidden.push_back(name);
    }
  }
  if (forbidden.empty()) return;
  for (const std::string& name : forbidden) end_subscription(connection, name);
  connection.subscriptions_left();
  const std::vector<std::string_view> left(forbidden.begin(), forbidden.end());
  logs::unsubscribe(host_, connection.client(), left);
  text_.clear();
  protocol::append_unsubscribed(text_, {}, host_.clock.timestamp(), left, {});
  connection.send_text(text_);
}

}  // namespace wskit::server
