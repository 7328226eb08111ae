// How a tool ends, the same in all of them (docs/cli.md, "Exit codes").
#pragma once

#include "common/client/failure.h"

namespace wskit::cli {

enum class ExitCode : int {
  kOk = 0,
  kNo = 1,           // ran, and the answer is no
  kUsage = 2,        // options, configuration, filter
  kUnreachable = 3,  // cannot reach the server
  kRefused = 4,      // authentication, permission, unknown channel, protocol
  kTimedOut = 5,
  kLost = 6,       // connection lost, retries used up
  kIntegrity = 7,  // a gap, unacknowledged lines
  kLocalIo = 8,    // local input or output
  kBug = 70,
};

[[nodiscard]] ExitCode exit_code(client::FailureKind kind);

// What a tool's run comes to. With a signal the process ends by it, so that the
// shell sees 128+n; `code` then counts only if the signal is blocked.
struct Outcome {
  ExitCode code = ExitCode::kOk;
  int signal = 0;
};

}  // namespace wskit::cli
