// The manual page of a tool, for man(7).
#pragma once

#include <string>
#include <string_view>

#include "common/cli/command_model.h"

namespace wskit::cli {

[[nodiscard]] std::string man_page(const CommandModel& command, std::string_view version);

}  // namespace wskit::cli
