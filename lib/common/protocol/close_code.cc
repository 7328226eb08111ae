#include "common/protocol/close_code.h"

namespace wskit::protocol {

bool may_travel(std::uint16_t code) {
  const bool registered = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
  return registered || (code >= 3000 && code <= 4999);
}

bool should_reconnect(CloseCode code) {
  switch (code) {
    // A reason that stays: the next connection would end the same way.
    case CloseCode::kProtocolError:
    case CloseCode::kUnsupportedData:
    case CloseCode::kInvalidPayload:
    case CloseCode::kPolicyViolation:
    case CloseCode::kTooBig:
    case CloseCode::kMandatoryExtension:
    case CloseCode::kUnauthorized:
    case CloseCode::kForbidden:
    case CloseCode::kDisconnectedByAdministrator:
      return false;
    // Nobody asked for that end: a proxy or a server of another kind that goes politely.
    case CloseCode::kNormal:
    case CloseCode::kGoingAway:
    case CloseCode::kNoStatus:
    case CloseCode::kAbnormal:
    case CloseCode::kInternalError:
    case CloseCode::kServiceRestart:
    case CloseCode::kTryAgainLater:
    case CloseCode::kSlowConsumer:
    case CloseCode::kHeartbeatTimeout:
    case CloseCode::kRateLimited:
      return true;
  }
  // A code of a proxy or of a later server: losing events for a reason that may
  // have passed is worse than one more try, which the backoff keeps cheap.
  return true;
}

std::string_view to_string(CloseCode code) {
  switch (code) {
    case CloseCode::kNormal:
      return "normal";
    case CloseCode::kGoingAway:
      return "going away";
    case CloseCode::kProtocolError:
      return "protocol error";
    case CloseCode::kUnsupportedData:
      return "unsupported data";
    case CloseCode::kNoStatus:
      return "no status";
    case CloseCode::kAbnormal:
      return "abnormal";
    case CloseCode::kInvalidPayload:
      return "invalid payload";
    case CloseCode::kPolicyViolation:
      return "policy violation";
    case CloseCode::kTooBig:
      return "message too big";
    case CloseCode::kMandatoryExtension:
      return "mandatory extension";
    case CloseCode::kInternalError:
      return "internal error";
    case CloseCode::kServiceRestart:
      return "service restart";
    case CloseCode::kTryAgainLater:
      return "try again later";
    case CloseCode::kUnauthorized:
      return "unauthorized";
    case CloseCode::kForbidden:
      return "forbidden";
    case CloseCode::kSlowConsumer:
      return "slow consumer";
    case CloseCode::kHeartbeatTimeout:
      return "heartbeat timeout";
    case CloseCode::kRateLimited:
      return "rate limited";
    case CloseCode::kDisconnectedByAdministrator:
      return "disconnected by an administrator";
  }
  return "unknown";
}

}  // namespace wskit::protocol
