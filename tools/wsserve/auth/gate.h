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

namespace wskit::server::auth {

class Gate {
 public:
  // Everybody is anonymous, and may do everything if `administers`.
  explicit Gate(bool administers = true);

  // What the token is shown for.
  enum class Purpose : std::uint8_t {
    kRequest,  // to be answered at once
    kSocket,   // a WebSocket, which can bring its token later
  };

  // `token`: as it came; nothing: none. Errors: kUnauthorized, with a sentence
  // that says why and holds nothing of the token.
  [[nodiscard]] protocol::Result<IdentityPtr> admit(const std::optional<std::string>& token, Purpose purpose,
                                                    std::chrono::system_clock::time_point now) const;

 private:
  IdentityPtr anonymous_;
};

using GatePtr = std::shared_ptr<const Gate>;

}  // namespace wskit::server::auth
