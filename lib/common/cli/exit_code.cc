#include "common/cli/exit_code.h"

namespace wskit::cli {

ExitCode exit_code(client::FailureKind kind) {
  switch (kind) {
    case client::FailureKind::kNone:
      return ExitCode::kOk;
    case client::FailureKind::kUnreachable:
      return ExitCode::kUnreachable;
    case client::FailureKind::kRefused:
      return ExitCode::kRefused;
    case client::FailureKind::kLost:
      return ExitCode::kLost;
  }
  return ExitCode::kBug;
}

}  // namespace wskit::cli
