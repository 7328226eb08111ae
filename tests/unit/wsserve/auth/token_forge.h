// Keys and tokens for tests, right ones and such as an attacker would send.
#pragma once

#include <jwt.h>

#include <nlohmann/json.hpp>
#include <string>

#include "wsserve/auth/openssl.h"

namespace wskit::server::auth {

struct KeyPair {
  std::string private_pem;
  std::string public_pem;
};
[[nodiscard]] KeyPair make_rsa_pair(unsigned bits = 2048);
[[nodiscard]] KeyPair make_ec_pair(const char* curve);

// A private key's token, or a secret's.
[[nodiscard]] std::string sign(const nlohmann::json& claims, jwt_alg_t algorithm, const std::string& key,
                               const nlohmann::json& more_header = nlohmann::json::object());

[[nodiscard]] std::string base64url(std::string_view bytes);

// A token of any header and payload, be they JSON or not, signed as HS256 whatever
// the header says.
[[nodiscard]] std::string forge(std::string_view header, std::string_view payload, const std::string& secret);

}  // namespace wskit::server::auth
