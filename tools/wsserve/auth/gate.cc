#include "wsserve/auth/gate.h"

#include <utility>

#include "wsserve/auth/claims.h"

namespace wskit::server::auth {

Grants full_grants() {
  Grants grants;
  grants.subscribe = {*protocol::Pattern::parse("**")};
  grants.publish = grants.subscribe;
  grants.admin = true;
  return grants;
}

IdentityPtr nobody() {
  static const IdentityPtr one = [] {
    Identity awaited;
    awaited.awaits_token = true;
    return std::make_shared<const Identity>(std::move(awaited));
  }();
  return one;
}

Gate::Gate(Policy policy) : policy_(std::move(policy)) {
  Identity anonymous;
  anonymous.grants = policy_.anonymous;
  anonymous_ = std::make_shared<const Identity>(std::move(anonymous));
}

protocol::Result<IdentityPtr> Gate::admit(const std::optional<std::string>& token, Purpose purpose,
                                          std::chrono::system_clock::time_point now) const {
  if (!asks()) return anonymous_;
  if (token) return check(*token, now);
  if (policy_.serves_anonymous) return anonymous_;
  if (purpose == Purpose::kSocket) return nobody();
  return token_error("missing",
                     "there is no token: send the header Authorization: Bearer <token>, or ?token=");
}

protocol::Result<IdentityPtr> Gate::check(std::string_view token,
                                          std::chrono::system_clock::time_point now) const {
  if (!asks()) {
    return token_error("unknown_key", "this server has no keys to check a token with: leave auth out");
  }
  const auto claims = verify(policy_.tokens, token, now);
  if (!claims) return claims.error();
  auto identity = to_identity(*claims, policy_.authenticated, policy_.tokens.leeway);
  if (!identity) return identity.error();
  return std::make_shared<const Identity>(std::move(*identity));
}

}  // namespace wskit::server::auth
