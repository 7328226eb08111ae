// Text for a terminal: how many columns it takes, and what must not reach it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wskit::cli {

// The columns that a terminal takes for `text`, as wcwidth(3) counts them for UTF-8,
// whatever the locale of the process is: an ideograph or an emoji takes two, a combining
// mark none. Escape sequences that set colours and control characters take none, and a
// byte that is no UTF-8 takes one.
[[nodiscard]] std::size_t columns(std::string_view text);

// Whether the locale (LC_ALL, LC_CTYPE, LANG) takes UTF-8, as in C.UTF-8; what is
// drawn for people is ASCII elsewhere.
[[nodiscard]] bool takes_unicode();

// `text`, cut to `width` columns with an ellipsis (`~` where there is no Unicode) in
// the last one if it is longer.
// Escape sequences are kept, also those after the cut, so that a colour that was set
// is set back.
[[nodiscard]] std::string clip(std::string_view text, std::size_t width);

// `text` in exactly `width` columns: filled up with blanks, or cut, with an
// ellipsis at the end. REQUIRES: no escape sequences; `width` is not 0.
[[nodiscard]] std::string fit(std::string_view text, std::size_t width);

// The same cut to its last columns: the end of a channel's name says more.
[[nodiscard]] std::string fit_end(std::string_view text, std::size_t width);

// `text` in lines of at most `width` columns, broken at blanks where there are some,
// each but the first behind `indent` blanks. A character that is wider than the room
// behind `indent` has a line of its own. REQUIRES: indent < width.
[[nodiscard]] std::string wrap(std::string_view text, std::size_t width, std::size_t indent);

// `text` on one line and without anything that a terminal would obey (protocol/utf8.h):
// a blank stands for each such code point, U+FFFD for each byte that is no UTF-8.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace wskit::cli
