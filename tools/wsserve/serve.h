// wsserve from its options to its end.
#pragma once

#include "common/cli/exit_code.h"
#include "common/cli/notices.h"
#include "wsserve/options.h"

namespace wskit::server {

// Serves until SIGTERM or SIGINT, then drains. Prints the base URL on stdout
// once connections are accepted.
[[nodiscard]] cli::Outcome serve(const Options& options, cli::Notices& notices);

}  // namespace wskit::server
