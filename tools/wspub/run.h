// wspub from its options to its outcome.
#pragma once

#include "common/cli/exit_code.h"
#include "common/cli/notices.h"
#include "wspub/options.h"

namespace wskit::pub {

// Reads stdin or files and publishes until all is done or a signal comes.
[[nodiscard]] cli::Outcome run(const PubOptions& options, cli::Notices& notices);

}  // namespace wskit::pub
