// wsserve from its options to its end.
#pragma once

#include "common/cli/exit_code.h"
#include "wsserve/config/program.h"

namespace wskit::server {

// Serves until SIGTERM or SIGINT, then drains. Prints the base URL on stdout
// once connections are accepted. SIGHUP reads the configuration again.
// REQUIRES: `program` has read `command_line`.
[[nodiscard]] cli::Outcome serve(Program& program, CommandLine command_line);

}  // namespace wskit::server
