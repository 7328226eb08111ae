// One call of wsbench: the rounds, the report, the exit code.
#pragma once

#include "common/cli/exit_code.h"
#include "common/cli/notices.h"
#include "wsbench/options.h"

namespace wskit::bench {

// Blocks SIGINT and SIGTERM while it measures: the first one ends the run, and what
// was measured until then is reported. Throws cli::UsageError.
[[nodiscard]] cli::Outcome run(const Options& options, cli::Notices& notices);

}  // namespace wskit::bench
