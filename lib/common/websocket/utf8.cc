#include "common/websocket/utf8.h"

#include <simdjson.h>

#include <cstddef>

#include "common/websocket/text_word.h"

namespace wskit::websocket {

namespace {

// From here on the vectorised validator is worth its start.
constexpr std::size_t kWorthVectors = 64;

// Where the ASCII that [begin, end) begins with ends, or a little before.
const char* skip_ascii(const char* begin, const char* end) {
  const char* at = begin;
  for (; end - at >= 32; at += 32) {
    if ((load_word(at) | load_word(at + 8) | load_word(at + 16) | load_word(at + 24)) & kHighBits) break;
  }
  while (end - at >= 8 && (load_word(at) & kHighBits) == 0) at += 8;
  // Fewer than 8 bytes are looked at together with those before them.
  const bool rest_is_ascii = end - at < 8 && end - begin >= 8 && (load_word(end - 8) & kHighBits) == 0;
  return rest_is_ascii ? end : at;
}

// Where the last code point of [begin, end) starts: before it the text is cut
// between two code points, if it is valid at all.
const char* last_code_point(const char* begin, const char* end) {
  const char* at = end - 1;
  for (int back = 0; back < 3 && at != begin && is_continuation(*at); ++back) --at;
  return at;
}

}  // namespace

bool Utf8Validator::feed(std::span<const char> bytes) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at != end) {
    if (expected_ == 0) {
      at = skip_ascii(at, end);
      if (static_cast<std::size_t>(end - at) >= kWorthVectors) {
        const char* const cut = last_code_point(at, end);
        if (!simdjson::validate_utf8(at, static_cast<std::size_t>(cut - at))) return false;
        at = cut;
      }
      if (at == end) break;
    }
    if (!step(static_cast<std::uint8_t>(*at++))) return false;
  }
  return true;
}

// RFC 3629, section 4: after some leads the next byte has narrower bounds, which
// is what keeps out overlong forms, surrogates and anything past U+10FFFF.
bool Utf8Validator::step(std::uint8_t byte) {
  if (expected_ != 0) {
    if (byte < low_ || byte > high_) return false;
    --expected_;
    low_ = 0x80;
    high_ = 0xBF;
    return true;
  }
  if (byte < 0x80) return true;
  if (byte < 0xC2 || byte > 0xF4) return false;
  expected_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  if (byte == 0xE0) low_ = 0xA0;
  if (byte == 0xED) high_ = 0x9F;
  if (byte == 0xF0) low_ = 0x90;
  if (byte == 0xF4) high_ = 0x8F;
  return true;
}

}  // namespace wskit::websocket
