#include "common/cli/text_width.h"

#include <algorithm>
#include <cstdlib>

#include "common/protocol/utf8.h"

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

// What stands for what was cut off.
std::string_view ellipsis() { return takes_unicode() ? "…" : "~"; }

}  // namespace

bool takes_unicode() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
    if (value == nullptr || *value == '\0') continue;
    std::string locale(value);
    std::ranges::transform(locale, locale.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  }
  return false;
}

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
  std::string result;
  std::size_t used = 0;
  while (!text.empty()) {
    const std::size_t escape = escape_length(text);
    const std::size_t length = escape != 0 ? escape : code_point_length(text);
    if (escape != 0 || used + 1 < width) result += text.substr(0, length);
    if (escape == 0 && ++used == std::max<std::size_t>(width, 1)) result += width > 0 ? ellipsis() : "";
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

std::string fit_end(std::string_view text, std::size_t width) {
  const std::size_t taken = columns(text);
  if (taken <= width) return fit(text, width);
  for (std::size_t over = taken - width + 1; over > 0; --over) text.remove_prefix(code_point_length(text));
  return std::string(ellipsis()).append(text);
}

std::string wrap(std::string_view text, std::size_t width, std::size_t indent) {
  std::string result;
  std::size_t used = 0;                   // columns of the present line
  std::size_t blank = std::string::npos;  // in `result`, where the line may end
  std::size_t after_blank = 0;            // columns behind it
  const std::string margin(indent, ' ');
  while (!text.empty()) {
    const std::size_t escape = escape_length(text);
    const std::size_t length = escape != 0 ? escape : code_point_length(text);
    if (escape == 0 && used == width) {
      if (text.front() == ' ') {
        result += '\n' + margin;
        used = indent;
        blank = std::string::npos;
        text.remove_prefix(1);
        continue;
      }
      if (blank != std::string::npos) {
        result.replace(blank, 1, '\n' + margin);
        used = indent + after_blank;
      } else {
        result += '\n' + margin;
        used = indent;
      }
      blank = std::string::npos;
    }
    if (escape == 0) {
      ++used;
      ++after_blank;
      if (text.front() == ' ' && used > indent + 1) {
        blank = result.size();
        after_blank = 0;
      }
    }
    result += text.substr(0, length);
    text.remove_prefix(length);
  }
  return result;
}

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const protocol::CodePoint point = protocol::decode_code_point(text);
    if (point.bytes == 0) {
      result += "\uFFFD";
    } else if (protocol::is_obeyed(point.value)) {
      result += ' ';
    } else {
      result += text.substr(0, point.bytes);
    }
    text.remove_prefix(std::max<std::size_t>(point.bytes, 1));
  }
  return result;
}

}  // namespace wskit::cli
