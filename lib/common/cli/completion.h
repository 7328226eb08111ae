// Completion scripts, from what a command line offers.
#pragma once

#include <string>

#include "common/cli/command_model.h"

namespace wskit::cli {

[[nodiscard]] std::string bash_completion(const CommandModel& command);
[[nodiscard]] std::string zsh_completion(const CommandModel& command);
[[nodiscard]] std::string fish_completion(const CommandModel& command);

}  // namespace wskit::cli
