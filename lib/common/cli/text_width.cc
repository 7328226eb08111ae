#include "common/cli/text_width.h"

#include <algorithm>

namespace wskit::cli {
namespace {

// The length of the escape sequence (ESC [ … letter) at the front; 0: none.
std::size_t escape_length(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  const std::size_t letter = text.find_first_not_of("0123456789;", 2);
  return letter == std::string_view::npos ? text.size() : letter + 1;
}

// The length of the code point at the front.
std::size_t code_point_length(std::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U) ++length;
  return length;
}

}  // namespace

std::size_t columns(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    const std::size_t escape = escape_length(text);
    if (escape == 0) ++count;
    text.remove_prefix(escape != 0 ? escape : code_point_length(text));
  }
  return count;
}

std::string clip(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text);
  const std::string_view ellipsis = width > 0 ? "…" : "";
  std::string result;
  std::size_t used = 0;
  while (!text.empty()) {
    const std::size_t escape = escape_length(text);
    const std::size_t length = escape != 0 ? escape : code_point_length(text);
    if (escape != 0 || used + 1 < width) result += text.substr(0, length);
    if (escape == 0 && ++used == std::max<std::size_t>(width, 1)) result += ellipsis;
    text.remove_prefix(length);
  }
  return result;
}

std::string fit(std::string_view text, std::size_t width) {
  const std::size_t taken = columns(text);
  if (taken > width) return clip(text, width);
  std::string result(text);
  result.append(width - taken, ' ');
  return result;
}

namespace {

// The bytes at the front that would turn the direction of what follows them, or
// begin a new line where a terminal knows such: U+2028 to U+202E, U+2066 to U+2069.
std::size_t reordering_length(std::string_view text) {
  if (text.size() < 3 || text[0] != '\xE2') return 0;
  const auto last = static_cast<unsigned char>(text[2]);
  const bool reorders = (text[1] == '\x80' && last >= 0xA8 && last <= 0xAE) ||
                        (text[1] == '\x81' && last >= 0xA6 && last <= 0xA9);
  return reorders ? 3 : 0;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result(text);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const auto byte = static_cast<unsigned char>(result[i]);
    if (byte < 0x20 || byte == 0x7F) result[i] = ' ';
    // U+0080 to U+009F are C2 80 to C2 9F.
    const bool two = byte == 0xC2 && i + 1 < result.size();
    if (two && static_cast<unsigned char>(result[i + 1]) < 0xA0) result[i] = result[i + 1] = ' ';
    const std::size_t reordering = reordering_length(std::string_view(result).substr(i));
    result.replace(i, reordering, reordering, ' ');
  }
  return result;
}

}  // namespace wskit::cli
