// Why a WebSocket connection ended: RFC 6455 section 7.4.1 and wskit's own
// codes (docs/protocol.md, "Close codes").
#pragma once

#include <cstdint>
#include <string_view>

namespace wskit::protocol {

enum class CloseCode : std::uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,
  kProtocolError = 1002,
  kUnsupportedData = 1003,
  kNoStatus = 1005,  // never on the wire: the peer's close frame had no code
  kAbnormal = 1006,  // never on the wire: the connection ended without a close frame
  kInvalidPayload = 1007,
  kPolicyViolation = 1008,
  kTooBig = 1009,
  kMandatoryExtension = 1010,
  kInternalError = 1011,
  kServiceRestart = 1012,
  kTryAgainLater = 1013,
  kUnauthorized = 4001,
  kForbidden = 4003,
  kSlowConsumer = 4008,
  kHeartbeatTimeout = 4009,
  kRateLimited = 4029,
  kDisconnectedByAdministrator = 4100,
};

// Whether a peer may put `code` into a close frame (RFC 6455 section 7.4).
[[nodiscard]] bool may_travel(std::uint16_t code);

// Whether a client that was closed with `code` should come back by itself.
[[nodiscard]] bool should_reconnect(CloseCode code);

// A short name for logs, such as "slow consumer"; "unknown" for any other.
[[nodiscard]] std::string_view to_string(CloseCode code);

}  // namespace wskit::protocol
