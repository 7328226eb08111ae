// A public key of OpenSSL's as one that tokens are checked with.
//
// Threads: pure functions.
#pragma once

#include <string>

#include "common/protocol/error.h"
#include "wsserve/auth/key.h"
#include "wsserve/auth/openssl.h"

namespace wskit::server::auth {

// RSA keys of 2048 bits and more check RS256, RS384 and RS512; P-256, P-384 and
// P-521 the one algorithm that is theirs. Errors say what the key is instead.
[[nodiscard]] protocol::Result<Key> to_key(EVP_PKEY& public_key, std::string id);

// The same for a secret, which checks HS256, HS384 and HS512.
[[nodiscard]] protocol::Result<Key> to_key(std::string secret, std::string id);

}  // namespace wskit::server::auth
