// What a peer did against RFC 6455: the code to close with and the reason to
// send. Private to the reader.
#pragma once

#include <string_view>

#include "common/protocol/close_code.h"

namespace wskit::websocket {

struct Violation {
  protocol::CloseCode code;
  std::string_view reason;
};

namespace violation {

inline constexpr auto kProtocol = protocol::CloseCode::kProtocolError;
inline constexpr auto kInvalid = protocol::CloseCode::kInvalidPayload;

inline constexpr Violation kReservedBits{kProtocol, "reserved bit set in a frame header"};
inline constexpr Violation kNotNegotiated{kProtocol, "compressed frame, but compression was not negotiated"};
inline constexpr Violation kCompressedControl{kProtocol, "control frame marked as compressed"};
inline constexpr Violation kCompressedContinuation{kProtocol, "continuation frame marked as compressed"};
inline constexpr Violation kUnknownOpcode{kProtocol, "unknown opcode"};
inline constexpr Violation kFragmentedControl{kProtocol, "control frame in fragments"};
inline constexpr Violation kLongControl{kProtocol, "control frame of more than 125 bytes"};
inline constexpr Violation kNothingToContinue{kProtocol, "continuation frame, but no message has begun"};
inline constexpr Violation kNotContinued{kProtocol, "new message inside a fragmented one"};
inline constexpr Violation kUnmasked{kProtocol, "frame of a client is not masked"};
inline constexpr Violation kMasked{kProtocol, "frame of a server is masked"};
inline constexpr Violation kLongLength{kProtocol, "payload length not in its shortest form"};
inline constexpr Violation kLengthTopBit{kProtocol, "payload length with the top bit set"};
inline constexpr Violation kShortClose{kProtocol, "close frame of one byte"};
inline constexpr Violation kCloseCode{kProtocol, "close code that may not be sent"};
inline constexpr Violation kCloseReason{kInvalid, "close reason is not UTF-8"};
inline constexpr Violation kText{kInvalid, "text message is not UTF-8"};
inline constexpr Violation kCorrupt{kInvalid, "compressed message cannot be inflated"};
inline constexpr Violation kTooBig{protocol::CloseCode::kTooBig, "message is larger than the limit"};
inline constexpr Violation kTooManyFragments{protocol::CloseCode::kTooBig,
                                             "message in more fragments than the limit"};

}  // namespace violation
}  // namespace wskit::websocket
