// What a tool was asked to print about itself, or at its end: all at once, to stdout.
// Records that come one by one go through output.h.
#pragma once

#include <string_view>

namespace wskit::cli {

// Waits where stdout has no room. Returns errno; 0 also where the reader has gone,
// which is a normal end. REQUIRES: SIGPIPE is ignored.
[[nodiscard]] int print_answer(std::string_view text);

}  // namespace wskit::cli
