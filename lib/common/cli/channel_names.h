// The channels that a server has now, for the completion of a command line.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "common/cli/connect_options.h"

namespace wskit::cli {

// Names that begin with `prefix`, sorted; none where the server does not answer within
// `limit`, or lets us see none. Only those that a shell takes as they are.
[[nodiscard]] std::vector<std::string> channel_names(const ConnectOptions& options, std::string_view prefix,
                                                     std::chrono::nanoseconds limit);

}  // namespace wskit::cli
