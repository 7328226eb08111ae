// Text for a terminal: how many columns it takes, and what must not reach it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wskit::cli {

// One column a code point; escape sequences that set colours take none. Wide and
// combining characters are not told apart.
[[nodiscard]] std::size_t columns(std::string_view text);

// `text`, cut to `width` columns with an ellipsis in the last one if it is longer.
// Escape sequences are kept, also those after the cut, so that a colour that was set
// is set back.
[[nodiscard]] std::string clip(std::string_view text, std::size_t width);

// `text` in exactly `width` columns: filled up with blanks, or cut, with an
// ellipsis at the end. REQUIRES: no escape sequences; `width` is not 0.
[[nodiscard]] std::string fit(std::string_view text, std::size_t width);

// `text` on one line and without anything that a terminal would obey (protocol/utf8.h):
// a blank stands for each such code point, U+FFFD for each byte that is no UTF-8.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace wskit::cli
