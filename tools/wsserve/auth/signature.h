// Whether a token was signed with the other half of a key (RFC 7518 section 3).
//
// libjwt would take the key as text and read it anew each time, which costs many
// times what the check does.
//
// Threads: pure functions; a key may be used by many threads at a time.
#pragma once

#include <string_view>

#include "wsserve/auth/key.h"

namespace wskit::server::auth {

// `signature`: as it stands in the token. REQUIRES: key.fits(algorithm).
[[nodiscard]] bool is_signed_with(const Key& key, jwt_alg_t algorithm, std::string_view text,
                                  std::string_view signature);

}  // namespace wskit::server::auth
