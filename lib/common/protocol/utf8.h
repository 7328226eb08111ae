// UTF-8 that is all there (RFC 3629): one code point at a time.
//
// The codec's incremental validator (common/websocket/utf8.h) answers for
// messages as they arrive; this one answers where in a text the fault is.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string_view>

namespace wskit::protocol {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 0;  // 0: the text does not begin with a valid code point
};

// The code point that `text` begins with. REQUIRES: text is not empty.
[[nodiscard]] CodePoint decode_code_point(std::string_view text);

}  // namespace wskit::protocol
