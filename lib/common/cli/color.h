// Whether a stream gets colours. Decided per stream: stdout may be a pipe while
// stderr is a terminal.
#pragma once

#include <cstdint>

namespace wskit::cli {

enum class ColorMode : std::uint8_t { kAuto, kAlways, kNever };

// kAuto: a terminal, unless NO_COLOR is set and not empty or TERM is `dumb`.
[[nodiscard]] bool use_color(ColorMode mode, int fd);

[[nodiscard]] bool is_terminal(int fd);

// Columns of the terminal; 80 where there is none.
[[nodiscard]] int terminal_width(int fd);

}  // namespace wskit::cli
