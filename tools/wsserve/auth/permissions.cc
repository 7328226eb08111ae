#include "wsserve/auth/permissions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/protocol/quote.h"

namespace wskit::server::auth {
namespace {

using protocol::Error;
using protocol::ErrorCode;
using protocol::Pattern;

constexpr std::string_view kAll = "@all";
constexpr std::string_view kUserPrefix = "@user/";
constexpr std::string_view kConnectionPrefix = "@connection/";
constexpr std::string_view kStats = "@server/stats";
constexpr std::string_view kPresencePrefix = "@presence/";

// The part of the server's own space that others may publish to.
bool is_somebodys(std::string_view channel) {
  return channel == kAll || channel.starts_with(kUserPrefix) || channel.starts_with(kConnectionPrefix);
}

// How somebody who may not publish there comes to it.
std::string remedy(const Identity& identity, std::string_view channel) {
  if (protocol::is_server_channel(channel) && !is_somebodys(channel)) return "only the server itself does";
  constexpr std::string_view kToken = "it takes a token that grants it";
  if (!identity.anonymous()) return std::string(kToken);
  return fmt::format("{}, or publish = [{}] in the server's [anonymous]", kToken, protocol::quote(channel));
}

bool covered(const std::vector<Pattern>& granted, const Pattern& wanted) {
  return std::ranges::any_of(granted, [&](const Pattern& pattern) { return pattern.covers(wanted); });
}

std::string channel_details(std::string_view channel) {
  return fmt::format(R"({{"channel":{}}})", protocol::quote(channel));
}

Error unauthorized() {
  return {ErrorCode::kUnauthorized,
          R"(who you are is not known yet: send {"action":"auth","token":"…"} first)",
          R"({"reason":"missing"})"};
}

// The beginning of a sentence that goes on with "may not".
std::string who(const Identity& identity) {
  return identity.anonymous() ? "an anonymous client" : "user " + protocol::quote(identity.user);
}

}  // namespace

bool may_subscribe(const Identity& identity, std::string_view name) {
  if (identity.awaits_token) return false;
  if (name == kAll || (name == kStats && identity.grants.admin)) return true;
  if (name.starts_with(kUserPrefix)) return name == user_channel(identity);
  if (name.starts_with(kConnectionPrefix)) return false;
  if (name.starts_with(kPresencePrefix)) {
    const std::string_view channel = name.substr(kPresencePrefix.size());
    return !protocol::is_server_channel(channel) && may_subscribe(identity, channel);
  }
  const auto wanted = Pattern::parse(name);
  return wanted && covered(identity.grants.subscribe, *wanted);
}

bool may_publish(const Identity& identity, std::string_view channel) {
  if (identity.awaits_token) return false;
  if (protocol::is_server_channel(channel)) {
    if (!is_somebodys(channel)) return false;
    // Whoever is taken for an administrator without a token is only near, and pages are
    // near, too: there it takes a grant of its own.
    if (identity.grants.admin && !identity.anonymous()) return true;
  }
  return std::ranges::any_of(identity.grants.publish,
                             [&](const Pattern& pattern) { return pattern.matches(channel); });
}

std::string idle_subscribe_grant(const Pattern& pattern) {
  if (pattern.text() == kAll) return "everybody may subscribe @all";
  if (pattern.text().starts_with(kUserPrefix)) return "@user/<user> is that user's alone";
  if (pattern.text().starts_with(kConnectionPrefix)) return "@connection/<id> is that connection's alone";
  if (pattern.text().starts_with(kPresencePrefix)) return "@presence/<channel> goes with the channel";
  return {};
}

std::string idle_publish_grant(const Pattern& pattern) {
  if (!protocol::is_server_channel(pattern.text())) return {};
  const bool reaches =
      std::ranges::any_of(std::array{"@all", "@user/**", "@connection/**"},
                          [&](const char* text) { return pattern.overlaps(*Pattern::parse(text)); });
  return reaches ? std::string()
                 : "in the server's own space only @all, @user/… and @connection/… are published to";
}

bool may_announce(const Identity& identity) {
  if (identity.grants.admin && !identity.anonymous()) return true;
  return std::ranges::any_of(identity.grants.publish, [](const Pattern& pattern) {
    return protocol::is_server_channel(pattern.text());
  });
}

std::optional<Error> check_subscribe(const Identity& identity, std::string_view name) {
  if (may_subscribe(identity, name)) return std::nullopt;
  if (identity.awaits_token) return unauthorized();
  if (protocol::is_server_channel(name)) {
    if (name == kStats) {
      return Error{
          ErrorCode::kForbidden,
          fmt::format("{} is for administrators and for those whose token grants it", protocol::quote(name)),
          channel_details(name)};
    }
    return Error{ErrorCode::kForbidden,
                 fmt::format("{} is in the server's own space: a connection may subscribe @all, its own "
                             "@connection/<id> and, with a token, its own @user/<user>",
                             protocol::quote(name)),
                 channel_details(name)};
  }
  return Error{ErrorCode::kForbidden,
               fmt::format("{} may not subscribe {}; it takes a token that grants it", who(identity),
                           protocol::quote(name)),
               channel_details(name)};
}

std::optional<Error> check_read(const Identity& identity, std::string_view channel) {
  auto error = check_subscribe(identity, channel);
  if (error && error->code == ErrorCode::kForbidden && !protocol::is_server_channel(channel)) {
    error->message = fmt::format("{} may not read {}; it takes a token that grants it", who(identity),
                                 protocol::quote(channel));
  }
  return error;
}

std::optional<Error> check_publish(const Identity& identity, std::string_view channel) {
  if (may_publish(identity, channel)) return std::nullopt;
  if (identity.awaits_token) return unauthorized();
  return Error{ErrorCode::kForbidden,
               fmt::format("{} may not publish to {}; {}", who(identity), protocol::quote(channel),
                           remedy(identity, channel)),
               channel_details(channel)};
}

std::optional<Error> check_command(const Identity& identity, protocol::Action action) {
  using protocol::Action;
  if (!identity.awaits_token || action == Action::kAuth || action == Action::kPing) return std::nullopt;
  return unauthorized();
}

std::optional<Error> check_admin(const Identity& identity, std::string_view what) {
  if (identity.awaits_token) return unauthorized();
  if (identity.grants.admin) return std::nullopt;
  return Error{ErrorCode::kForbidden,
               fmt::format("{} is for administrators: it takes a token with \"admin\":true", what),
               {}};
}

std::string user_channel(const Identity& identity) {
  if (identity.anonymous()) return {};
  std::string name = std::string(kUserPrefix) + identity.user;
  return protocol::check_channel(name) ? name : std::string();
}

}  // namespace wskit::server::auth
