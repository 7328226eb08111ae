#include "common/protocol/error.h"

namespace wskit::protocol {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kBadJson:
      return "BAD_JSON";
    case ErrorCode::kBadCommand:
      return "BAD_COMMAND";
    case ErrorCode::kBadChannel:
      return "BAD_CHANNEL";
    case ErrorCode::kBadEvent:
      return "BAD_EVENT";
    case ErrorCode::kUnauthorized:
      return "UNAUTHORIZED";
    case ErrorCode::kForbidden:
      return "FORBIDDEN";
    case ErrorCode::kNotFound:
      return "NOT_FOUND";
    case ErrorCode::kTooLarge:
      return "TOO_LARGE";
    case ErrorCode::kTooManyChannels:
      return "TOO_MANY_CHANNELS";
    case ErrorCode::kRateLimited:
      return "RATE_LIMITED";
    case ErrorCode::kUnavailable:
      return "UNAVAILABLE";
    case ErrorCode::kInternal:
      return "INTERNAL";
  }
  return "INTERNAL";
}

}  // namespace wskit::protocol
