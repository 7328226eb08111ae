// Whether a token is to be believed: form, algorithm, key, signature, time, issuer
// and audience (docs/security.md, "Tokens"). OpenSSL checks the signature, libjwt knows
// the algorithms. The parts are read here, so that claims nobody asks for may hold what
// they like.
//
// Threads: pure functions.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/error.h"
#include "wsserve/auth/claim_set.h"
#include "wsserve/auth/key.h"

namespace wskit::server::auth {

inline constexpr std::size_t kMaxTokenBytes = std::size_t{16} << 10;

struct TokenRules {
  Keys keys;
  std::vector<std::string> issuers;    // one of them must be `iss`; empty: any, or none
  std::vector<std::string> audiences;  // one of them must be in `aud`; empty: any, or none
  std::chrono::milliseconds leeway{0};
};

// Of a token that is right at `now`, the claims that this server reads. Errors: kUnauthorized with a
// sentence that holds nothing of the token or the rules, and {"reason":…} in its
// details, one of: malformed, algorithm, unknown_key, signature, expired,
// not_yet_valid, issuer, audience, claims (of a wrong type).
[[nodiscard]] protocol::Result<ClaimSet> verify(const TokenRules& rules, std::string_view token,
                                                std::chrono::system_clock::time_point now);

// Why a token is not taken, as all who refuse one say it.
[[nodiscard]] protocol::Error token_error(std::string_view reason, std::string_view sentence);

}  // namespace wskit::server::auth
