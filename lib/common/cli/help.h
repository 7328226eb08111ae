// -h and --help.
#pragma once

#include <cstddef>
#include <string>

#include "common/cli/command_model.h"

namespace wskit::cli {

struct HelpStyle {
  bool color = false;
  std::size_t width = 80;  // columns to wrap at
};

// Usage and the examples.
[[nodiscard]] std::string short_help(const CommandModel& command, HelpStyle style);

// Everything: each option in its group with default and environment variable.
[[nodiscard]] std::string full_help(const CommandModel& command, HelpStyle style);

// "  -W, --timeout T": the option as it stands at the left of the help.
[[nodiscard]] std::string option_heading(const OptionModel& option);

// The description with what a reader must know besides: repeatable, default, environment.
[[nodiscard]] std::string option_text(const OptionModel& option);

}  // namespace wskit::cli
