#include "common/cli/text_width.h"

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <cwchar>

#include "common/protocol/utf8.h"

namespace wskit::cli {
namespace {

// The length of the escape sequence (ESC [ … letter) at the front; 0: none.
std::size_t escape_length(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  const std::size_t letter = text.find_first_not_of("0123456789;", 2);
  return letter == std::string_view::npos ? text.size() : letter + 1;
}

// Makes wcwidth() count for UTF-8 in this thread while it lives. Where the C library
// knows no C.UTF-8 it changes nothing.
class Utf8Widths {
 public:
  Utf8Widths() {
    static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);  // never freed
    if (utf8 != nullptr) previous_ = uselocale(utf8);
  }
  ~Utf8Widths() {
    if (previous_ != nullptr) uselocale(previous_);
  }
  Utf8Widths(const Utf8Widths&) = delete;
  Utf8Widths& operator=(const Utf8Widths&) = delete;

 private:
  locale_t previous_ = nullptr;
};

std::size_t columns_of(char32_t point) {
  if (point < 0x80) return point >= 0x20 && point != 0x7F ? 1 : 0;
  if (point < 0xA0) return 0;
  const int columns = wcwidth(static_cast<wchar_t>(point));
  // The C library does not know it: a newer one may. A terminal shows at least something.
  return columns < 0 ? 1 : static_cast<std::size_t>(columns);
}

// What a text begins with: an escape sequence, a code point, or a byte that is none.
struct Piece {
  std::size_t bytes = 1;
  std::size_t columns = 1;
  bool escape = false;
};

// REQUIRES: `text` is not empty; a Utf8Widths lives.
Piece first_piece(std::string_view text) {
  if (const std::size_t escape = escape_length(text); escape != 0) {
    return {.bytes = escape, .columns = 0, .escape = true};
  }
  const protocol::CodePoint point = protocol::decode_code_point(text);
  if (point.bytes == 0) return {};
  return {.bytes = point.bytes, .columns = columns_of(point.value)};
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
  const Utf8Widths widths;
  std::size_t count = 0;
  while (!text.empty()) {
    const Piece piece = first_piece(text);
    count += piece.columns;
    text.remove_prefix(piece.bytes);
  }
  return count;
}

std::string clip(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text);
  const Utf8Widths widths;
  std::string result;
  std::size_t used = 0;
  bool cut = false;
  while (!text.empty()) {
    const Piece piece = first_piece(text);
    // The last column is the ellipsis's.
    if (!cut && !piece.escape && used + piece.columns >= std::max<std::size_t>(width, 1)) {
      cut = true;
      if (width > 0) result += ellipsis();
    }
    if (piece.escape || !cut) result += text.substr(0, piece.bytes);
    used += piece.columns;
    text.remove_prefix(piece.bytes);
  }
  return result;
}

std::string fit(std::string_view text, std::size_t width) {
  std::string result = clip(text, width);
  // Where a wide character was cut off, a column may be left.
  result.append(width - columns(result), ' ');
  return result;
}

std::string fit_end(std::string_view text, std::size_t width) {
  std::size_t taken = columns(text);
  if (taken <= width) return fit(text, width);
  const Utf8Widths widths;
  while (!text.empty()) {
    const Piece piece = first_piece(text);
    // What combines with a character that was cut off goes with it.
    if (taken < width && piece.columns > 0) break;
    taken -= piece.columns;
    text.remove_prefix(piece.bytes);
  }
  return fit(std::string(ellipsis()).append(text), width);
}

std::string wrap(std::string_view text, std::size_t width, std::size_t indent) {
  const Utf8Widths widths;
  std::string result;
  std::size_t begin = 0;                  // columns of the margin of the present line
  std::size_t used = 0;                   // columns of it in all
  std::size_t blank = std::string::npos;  // in `result`, where the line may end
  std::size_t after_blank = 0;            // columns behind it
  const std::string margin(indent, ' ');
  while (!text.empty()) {
    const Piece piece = first_piece(text);
    const bool is_blank = text.front() == ' ';
    if (piece.columns > 0 && used > begin && used + piece.columns > width) {
      begin = indent;
      if (is_blank) {
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
    used += piece.columns;
    after_blank += piece.columns;
    if (is_blank && used > indent + 1) {
      blank = result.size();
      after_blank = 0;
    }
    result += text.substr(0, piece.bytes);
    text.remove_prefix(piece.bytes);
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
