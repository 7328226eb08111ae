// How many columns text takes on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wskit::cli {

// One column a code point; escape sequences that set colours take none. Wide and
// combining characters are not told apart.
[[nodiscard]] std::size_t columns(std::string_view text);

// As much of `text` as fits into `width` columns. Escape sequences are kept, also
// those after the cut, so that a colour that was set is set back.
[[nodiscard]] std::string clip(std::string_view text, std::size_t width);

}  // namespace wskit::cli
