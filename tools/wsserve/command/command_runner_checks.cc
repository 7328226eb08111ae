// Whether a connection may subscribe what it asks for.
#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/channel.h"
#include "wsserve/auth/permissions.h"
#include "wsserve/channel/hub.h"
#include "wsserve/command/command_host.h"
#include "wsserve/command/command_runner.h"
#include "wsserve/connection/connection.h"

namespace wskit::server {

using protocol::Error;
using protocol::ErrorCode;

namespace {

// Channels that the patterns of a command which is answered channel by channel may
// match, each pattern by itself: twice as many as there are, and these.
constexpr std::size_t kMatchesOfACommand = 100'000;

Error too_many(std::string message, std::size_t limit) {
  return {ErrorCode::kTooManyChannels, std::move(message), fmt::format(R"({{"limit":{}}})", limit)};
}

}  // namespace

std::vector<protocol::Pattern> CommandRunner::patterns_of(const std::vector<std::string>& names) {
  std::vector<protocol::Pattern> patterns;
  for (const std::string& name : names) {
    if (protocol::looks_like_pattern(name)) patterns.push_back(*protocol::Pattern::parse(name));
  }
  return patterns;
}

std::optional<Error> CommandRunner::check(Connection& connection,
                                          const std::vector<std::string_view>& names) {
  const auto refuse = [this](Error error) {
    host_.counters.refused_subscriptions.add();
    return error;
  };
  // First, so that no more names are looked at than may be subscribed.
  if (auto error = check_subscriptions(connection, names.size(), 0, 0)) return refuse(*std::move(error));
  for (const std::string_view name : names) {
    if (connection.client().owns_channel(name)) continue;
    if (auto error = auth::check_subscribe(connection.client().identity(), name)) return error;
  }
  std::vector<std::string_view> added;
  std::size_t patterns = 0;
  for (const std::string_view name : names) {
    if (connection.subscriptions().find(name) != nullptr) continue;
    added.push_back(name);
    if (protocol::looks_like_pattern(name)) ++patterns;
  }
  const std::size_t known = connection.subscriptions().size();
  if (auto error = check_subscriptions(connection, known + added.size(), added.size(), patterns)) {
    return refuse(*std::move(error));
  }
  // Last, for it makes the channels that are new: what is refused leaves none behind.
  for (const std::string_view name : added) {
    if (protocol::looks_like_pattern(name)) continue;
    if (find_channel(connection, For::kSubscribing, name) == nullptr) return no_room(connection, name);
  }
  return std::nullopt;
}

std::optional<Error> CommandRunner::check_subscriptions(const Connection& connection, std::size_t in_the_end,
                                                        std::size_t added, std::size_t added_patterns) {
  const std::size_t limit = host_.settings->max_channels_per_connection;
  if (in_the_end > limit) {
    return too_many(
        fmt::format("a connection may subscribe {} channels and patterns; use a pattern, or unsubscribe some "
                    "(--max-channels)",
                    limit),
        limit);
  }
  const std::size_t most_patterns = host_.settings->max_patterns_per_connection;
  if (added_patterns > 0 && connection.subscriptions().patterns() + added_patterns > most_patterns) {
    return too_many(fmt::format("a connection may subscribe {} patterns; use one that matches more, or "
                                "unsubscribe some (--max-patterns)",
                                most_patterns),
                    most_patterns);
  }
  // Each keeps in mind where it joined each replay that runs.
  if (added_patterns > 0 && !connection.may_join_catch_ups(added_patterns)) {
    return Error{ErrorCode::kRateLimited,
                 "too many histories are still read on this connection for so many more patterns; wait until "
                 "they are, or use another connection",
                 {}};
  }
  const std::size_t in_all = host_.settings->limits.subscriptions;
  if (in_all == 0 || added == 0 || host_.server.subscriptions() + added <= in_all) return std::nullopt;
  return too_many(
      fmt::format("the server has room for {} subscriptions of all connections, and no more now; use a "
                  "pattern, or try again later (--max-subscriptions)",
                  in_all),
      in_all);
}

std::optional<Error> CommandRunner::check_matches(const std::vector<std::string>& names) {
  const std::vector<protocol::Pattern> patterns = patterns_of(names);
  if (patterns.size() < 2) return std::nullopt;
  const std::size_t most = kMatchesOfACommand + 2 * host_.hub.channel_count();
  std::size_t matches = 0;
  for (const protocol::Pattern& pattern : patterns) {
    matches += host_.hub.matching(pattern).size();
    if (matches <= most) continue;
    host_.counters.refused_subscriptions.add();
    return too_many(
        fmt::format("the patterns of this command match the same channels again and again, more than {} in "
                    "all; name fewer of them in a command with since or matched, or ones that do not overlap",
                    most),
        most);
  }
  return std::nullopt;
}

}  // namespace wskit::server
