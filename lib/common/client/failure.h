// Why a connection could not be made, or ended: a class that decides the exit
// code, and a sentence for the person who reads it.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <string>

#include "common/protocol/close_code.h"

namespace wskit::client {

enum class FailureKind : std::uint8_t {
  kNone,         // closed as this side asked
  kUnreachable,  // no answer at the address: name unknown, refused, timed out
  kRefused,      // the server answered and does not want us: HTTP status, 4001, 4003, a broken handshake
  kLost,         // an established connection ended or fell silent
};

struct Failure {
  FailureKind kind = FailureKind::kNone;
  // Without the tool's name, in lower case, in UTF-8 whatever a server said: "cannot reach
  // ws://…: connection refused".
  std::string message;

  // Of a connection that had been opened; kNoStatus before that, kAbnormal
  // where it ended without a close frame.
  protocol::CloseCode close_code = protocol::CloseCode::kNoStatus;
  int http_status = 0;  // of a refused upgrade; 0: none
};

}  // namespace wskit::client
