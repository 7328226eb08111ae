// What a token's claims say about whom it stands for.
//
// Threads: pure functions.
#pragma once

#include <chrono>

#include "common/protocol/error.h"
#include "wsserve/auth/claim_set.h"
#include "wsserve/auth/identity.h"

namespace wskit::server::auth {

inline constexpr std::size_t kMaxUserBytes = 200;

// `defaults` stand in for the claims that are absent. `leeway` is added to `exp`.
// Errors: kUnauthorized as verify()'s, with the reason "claims", naming the claim.
[[nodiscard]] protocol::Result<Identity> to_identity(const ClaimSet& claims, const Grants& defaults,
                                                     std::chrono::milliseconds leeway);

}  // namespace wskit::server::auth
