// Whether somebody may: the one place where that is decided, for WebSockets and
// HTTP alike (docs/protocol.md, "Permissions").
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/command.h"
#include "common/protocol/error.h"
#include "wsserve/auth/identity.h"

namespace wskit::server::auth {

// `name`: a valid channel name or pattern. A pattern may be subscribed only where
// one granted pattern covers it wholly, so that nothing it will ever match is
// somebody else's.
//
// Of the server's own space: `@all` is everybody's, `@user/<user>` that user's
// alone, whatever is granted; `@presence/<channel>` goes with the channel; anything
// else must be granted by a pattern that begins with `@`. `@connection/<id>` is a
// matter of the connection and refused here.
[[nodiscard]] bool may_subscribe(const Identity& identity, std::string_view name);
// `channel`: a valid name. In the server's own space: `@all`, `@user/<user>` and
// `@connection/<id>`, for administrators who have shown a token, and for those who
// were granted a pattern that begins with `@`, the anonymous included.
[[nodiscard]] bool may_publish(const Identity& identity, std::string_view channel);

// Why a pattern of the server's own space would grant nothing; empty: it may grant
// something.
[[nodiscard]] std::string idle_subscribe_grant(const protocol::Pattern& pattern);
[[nodiscard]] std::string idle_publish_grant(const protocol::Pattern& pattern);

// Whether there may be a channel of the server's own space that it may publish to.
[[nodiscard]] bool may_announce(const Identity& identity);

// The same as the answer to whoever asked: FORBIDDEN that names the channel, or
// UNAUTHORIZED where a token is still awaited; nothing: it may.
[[nodiscard]] std::optional<protocol::Error> check_subscribe(const Identity& identity, std::string_view name);
[[nodiscard]] std::optional<protocol::Error> check_read(const Identity& identity, std::string_view channel);
[[nodiscard]] std::optional<protocol::Error> check_publish(const Identity& identity,
                                                           std::string_view channel);
// Whether the command may be carried out at all.
[[nodiscard]] std::optional<protocol::Error> check_command(const Identity& identity, protocol::Action action);
// `what`: "listing connections".
[[nodiscard]] std::optional<protocol::Error> check_admin(const Identity& identity, std::string_view what);

// The user's own channel, `@user/<user>`; empty where there is none: for the
// anonymous, and where the user's name cannot stand in the name of a channel.
[[nodiscard]] std::string user_channel(const Identity& identity);

}  // namespace wskit::server::auth
