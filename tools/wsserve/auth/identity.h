// Who is at the other end of a connection, and what they may do.
//
// Threads: immutable, shared by pointer.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/protocol/channel.h"

namespace wskit::server::auth {

using SystemMillis = std::chrono::sys_time<std::chrono::milliseconds>;

// What somebody may do.
struct Grants {
  // Names and patterns. What begins with `@` is the server's own and only meant
  // where it is named (permissions.h).
  std::vector<protocol::Pattern> subscribe;
  std::vector<protocol::Pattern> publish;
  std::vector<std::string> channels;  // names and patterns subscribed on connect
  bool admin = false;                 // may administer the server, and see who is connected

  bool operator==(const Grants&) const = default;
};

struct Identity {
  std::string user;  // empty: anonymous
  Grants grants;
  // When the token is no longer good for anything; nothing: never.
  std::optional<SystemMillis> expires;
  // Not known yet: the first thing it does is to show a token.
  bool awaits_token = false;

  [[nodiscard]] bool anonymous() const { return user.empty(); }
};

using IdentityPtr = std::shared_ptr<const Identity>;

// Of somebody of whom nothing is known: it awaits a token. Never null, always the same.
[[nodiscard]] IdentityPtr nobody();

}  // namespace wskit::server::auth
