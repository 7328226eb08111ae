// UTF-8 that is all there (RFC 3629): one code point at a time.
//
// The codec's incremental validator (common/websocket/utf8.h) answers for
// messages as they arrive; this one answers where in a text the fault is.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wskit::protocol {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 0;  // 0: the text does not begin with a valid code point
};

// The code point that `text` begins with. REQUIRES: text is not empty.
[[nodiscard]] CodePoint decode_code_point(std::string_view text);

// Whether a screen obeys the code point instead of showing it: control characters of
// ASCII and of C1, other line ends, and marks that turn the direction of text. None of
// them belongs into a line that a person or a line reader is to believe.
[[nodiscard]] constexpr bool is_obeyed(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x61C || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

// Whether every code point of `text` is valid.
[[nodiscard]] bool is_utf8(std::string_view text);

// Whether every code point of `text` is valid and none is obeyed.
[[nodiscard]] bool is_plain(std::string_view text);

// `text` with U+FFFD in the place of each byte that belongs to no valid code point.
[[nodiscard]] std::string to_utf8(std::string_view text);

}  // namespace wskit::protocol
