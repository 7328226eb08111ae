// Making tokens: what an issuer does, for whoever has none yet. The server itself never
// signs anything.
//
// Threads: pure functions.
#pragma once

#include <jwt.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "common/protocol/error.h"
#include "wsserve/auth/key_file.h"

namespace wskit::server::auth {

struct SigningKey {
  std::string id;                     // goes into the token as `kid`; empty: it names none
  std::vector<jwt_alg_t> algorithms;  // that it signs with, the usual one first
  std::string material;               // the bytes of a secret, or a private key as PEM
};

struct LoadedSigningKey {
  SigningKey key;
  std::vector<std::string> warnings;  // a line each
};

// A secret that the server checks tokens with, or the private half of a key that it
// has the public one of. Errors name the file, what is wrong, and what would be right.
[[nodiscard]] protocol::Result<LoadedSigningKey> load_signing_secret(const KeyFile& file);
[[nodiscard]] protocol::Result<LoadedSigningKey> load_private_key(const KeyFile& file);

// The token with these claims. REQUIRES: the algorithm is one of the key's. Errors: the
// library does not take the key.
[[nodiscard]] protocol::Result<std::string> sign(const SigningKey& key, jwt_alg_t algorithm,
                                                 const nlohmann::json& claims);

}  // namespace wskit::server::auth
