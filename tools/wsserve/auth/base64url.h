// Base64url without padding (RFC 7515 section 2).
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wskit::server::auth {

// Nothing: another character, or an end that no bytes are written as.
[[nodiscard]] std::optional<std::string> decode_base64url(std::string_view encoded);

}  // namespace wskit::server::auth
