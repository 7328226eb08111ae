// One run of wstap: connects, subscribes, prints events until something ends it.
#pragma once

#include "common/cli/exit_code.h"
#include "common/cli/notices.h"
#include "wstap/options.h"

namespace wskit::tap {

// Throws cli::UsageError for options that make no sense together. `output` is
// where records go.
[[nodiscard]] cli::Outcome run(const TapOptions& options, cli::Notices& notices, int output = 1);

}  // namespace wskit::tap
