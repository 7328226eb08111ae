#include "common/protocol/utf8.h"

#include <algorithm>
#include <array>

namespace wskit::protocol {
namespace {

// What a lead byte promises: how many bytes follow and the bounds of the first
// of them, which exclude overlong forms, surrogates and values past U+10FFFF.
struct Lead {
  std::size_t following;
  unsigned low;
  unsigned high;
};

constexpr Lead lead_of(unsigned byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};
  return {0, 0, 0};
}

constexpr std::array<unsigned, 4> kLeadMask{0x7F, 0x1F, 0x0F, 0x07};

}  // namespace

CodePoint decode_code_point(std::string_view text) {
  const unsigned first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {first, 1};
  const Lead lead = lead_of(first);
  if (lead.following == 0 || text.size() <= lead.following) return {};
  unsigned value = first & kLeadMask[lead.following];
  for (std::size_t i = 1; i <= lead.following; ++i) {
    const unsigned byte = static_cast<unsigned char>(text[i]);
    const bool fits = i == 1 ? byte >= lead.low && byte <= lead.high : (byte & 0xC0U) == 0x80;
    if (!fits) return {};
    value = (value << 6U) | (byte & 0x3FU);
  }
  return {value, lead.following + 1};
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = decode_code_point(text).bytes;
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

bool is_plain(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = decode_code_point(text);
    if (point.bytes == 0 || is_obeyed(point.value)) return false;
    text.remove_prefix(point.bytes);
  }
  return true;
}

std::string to_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t bytes = decode_code_point(text).bytes;
    result += bytes == 0 ? std::string_view("\uFFFD") : text.substr(0, bytes);
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return result;
}

}  // namespace wskit::protocol
