// Who somebody is: the one place where tokens become identities.
//
// Threads: any thread; immutable. A reload makes another gate.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/protocol/error.h"
#include "wsserve/auth/identity.h"
#include "wsserve/auth/token.h"

namespace wskit::server::auth {

// Everything but the server's own space, and administration.
[[nodiscard]] Grants full_grants();

struct Policy {
  TokenRules tokens;                 // without keys nobody is asked who they are
  bool serves_anonymous = true;      // those who bring no token
  Grants anonymous = full_grants();  // what they may do
  Grants authenticated;              // what a token grants by the claims that it does not have
};

class Gate {
 public:
  // Everybody is anonymous and may do everything.
  Gate() : Gate(Policy()) {}
  explicit Gate(Policy policy);

  // What the token is shown for.
  enum class Purpose : std::uint8_t {
    kRequest,  // to be answered at once
    kSocket,   // a WebSocket, which can bring its token later
  };

  // `token`: as it came; nothing: none. Where nobody is asked it is not looked at.
  // Errors: kUnauthorized, with a sentence that says why and holds nothing of the
  // token, and {"reason":…} as verify() and to_identity() give it, or "missing".
  [[nodiscard]] protocol::Result<IdentityPtr> admit(const std::optional<std::string>& token, Purpose purpose,
                                                    std::chrono::system_clock::time_point now) const;

  // Whose token it is. The same errors.
  [[nodiscard]] protocol::Result<IdentityPtr> check(std::string_view token,
                                                    std::chrono::system_clock::time_point now) const;

  // Whether it has keys, and so asks.
  [[nodiscard]] bool asks() const { return !policy_.tokens.keys.empty(); }
  [[nodiscard]] const Policy& policy() const { return policy_; }

 private:
  const Policy policy_;
  IdentityPtr anonymous_;
};

using GatePtr = std::shared_ptr<const Gate>;

}  // namespace wskit::server::auth
