// Keys as JSON (RFC 7517): one key, or a set of them as identity providers publish
// it.
//
// Threads: pure functions.
#pragma once

#include <string_view>

#include "common/protocol/error.h"
#include "wsserve/auth/key.h"

namespace wskit::server::auth {

// Every key of the text that is for checking signatures, each by its own `kid` and
// bound to its `alg` where it has one. Keys for other purposes and algorithms are
// passed over; with none left, and for a key that is not right, an error. A private
// key is refused: it has no business here.
[[nodiscard]] protocol::Result<Keys> parse_jwks(std::string_view json);

}  // namespace wskit::server::auth
