// One run of wstap: connects, subscribes, prints events until something ends it.
#pragma once

#include <boost/asio/io_context.hpp>

#include "common/cli/exit_code.h"
#include "common/cli/notices.h"
#include "wstap/options.h"

namespace wskit::tap {

// Throws cli::UsageError for options that make no sense together.
[[nodiscard]] cli::Outcome run(const TapOptions& options, cli::Notices& notices);

// The same in the caller's loop, which it runs and stops, with the records going
// to the descriptor `output`.
[[nodiscard]] cli::Outcome run(const TapOptions& options, cli::Notices& notices, boost::asio::io_context& io,
                               int output);

}  // namespace wskit::tap
