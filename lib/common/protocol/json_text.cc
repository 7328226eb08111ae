#include "common/protocol/json_text.h"

#include <algorithm>
#include <bit>
#include <boost/endian/conversion.hpp>

#include "common/protocol/utf8.h"

namespace wskit::protocol {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101U;
constexpr std::uint64_t kHighBits = 0x8080808080808080U;

// The high bit of each byte that a string cannot simply contain: a quote, a
// backslash, a control character, or a part of a code point past ASCII. Bytes
// above the lowest one marked may be marked wrongly, for the borrow runs upwards.
constexpr std::uint64_t special_bytes(std::uint64_t word) {
  const std::uint64_t quote = word ^ (kOnes * '"');
  const std::uint64_t backslash = word ^ (kOnes * '\\');
  const std::uint64_t control = (word - kOnes * 0x20) & ~word;
  return (((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) | control | word) & kHighBits;
}

bool is_special(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte >= 0x80 || c == '"' || c == '\\';
}

const char* find_special(const char* position, const char* end) {
  while (end - position >= 8) {
    const auto word = boost::endian::endian_load<std::uint64_t, 8, boost::endian::order::little>(
        reinterpret_cast<const unsigned char*>(position));
    const std::uint64_t special = special_bytes(word);
    if (special != 0) return position + std::countr_zero(special) / 8;
    position += 8;
  }
  while (position != end && !is_special(*position)) ++position;
  return position;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool JsonScanner::fail(const char* where, std::string_view reason) {
  position_ = where;
  reason_ = reason;
  return false;
}

bool JsonScanner::fail_unexpected(std::string_view reason) {
  return fail(position_, position_ == end_ ? "the text ends too early" : reason);
}

void JsonScanner::skip_space() {
  while (position_ != end_ && static_cast<unsigned char>(*position_) <= ' ') {
    if (*position_ != ' ' && *position_ != '\n' && *position_ != '\r' && *position_ != '\t') return;
    ++position_;
  }
}

char JsonScanner::peek() {
  if (failed()) return '\0';
  skip_space();
  return position_ == end_ ? '\0' : *position_;
}

std::string_view JsonScanner::value() {
  if (failed()) return {};
  skip_space();
  const char* first = position_;
  const std::size_t outer = depth_;
  const Step step = start_value();
  if (step == Step::kFailed || (step == Step::kOpened && !skip_nested(outer))) return {};
  return {first, static_cast<std::size_t>(position_ - first)};
}

// Walks to the end of the container that was just opened inside level `outer`.
bool JsonScanner::skip_nested(std::size_t outer) {
  Step step = Step::kOpened;
  while (true) {
    if (step == Step::kEnded) {
      if (depth_ == outer) return true;
      step = end_value();
    } else {
      skip_space();
      step = start_value();
    }
    if (step == Step::kFailed) return false;
  }
}

// Passes a scalar or an empty container (kEnded), or enters a container up to
// its first value (kOpened).
JsonScanner::Step JsonScanner::start_value() {
  bool passed = false;
  switch (position_ == end_ ? '\0' : *position_) {
    case '{':
      return open(true);
    case '[':
      return open(false);
    case '"':
      passed = skip_string();
      break;
    case 't':
      passed = skip_literal("true");
      break;
    case 'f':
      passed = skip_literal("false");
      break;
    case 'n':
      passed = skip_literal("null");
      break;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
      passed = skip_number();
      break;
    default:
      passed = fail_unexpected("a value is expected here");
  }
  return passed ? Step::kEnded : Step::kFailed;
}

// REQUIRES: the opening bracket comes next.
JsonScanner::Step JsonScanner::open(bool object) {
  if (depth_ == kMaxJsonDepth) {
    fail(position_, "arrays and objects are nested more than 512 deep");
    return Step::kFailed;
  }
  ++position_;
  skip_space();
  if (position_ != end_ && *position_ == (object ? '}' : ']')) {
    ++position_;
    return Step::kEnded;
  }
  in_object_[depth_++] = object;
  if (object && !skip_key()) return Step::kFailed;
  return Step::kOpened;
}

// After a value inside a container: on to the next value (kOpened) or out of the
// container (kEnded).
JsonScanner::Step JsonScanner::end_value() {
  skip_space();
  const bool object = in_object_[depth_ - 1];
  const char next = position_ == end_ ? '\0' : *position_;
  if (next == ',') {
    ++position_;
    skip_space();
    if (object && !skip_key()) return Step::kFailed;
    return Step::kOpened;
  }
  if (next == (object ? '}' : ']')) {
    ++position_;
    --depth_;
    return Step::kEnded;
  }
  fail_unexpected(object ? "a comma or } is expected here" : "a comma or ] is expected here");
  return Step::kFailed;
}

bool JsonScanner::skip_key() {
  if (position_ == end_ || *position_ != '"')
    return fail_unexpected("a name in double quotes is expected here");
  const char* const content = position_ + 1;
  if (!skip_string()) return false;
  key_ = {content, static_cast<std::size_t>(position_ - 1 - content)};
  skip_space();
  if (position_ == end_ || *position_ != ':') return fail_unexpected("a colon is expected here");
  ++position_;
  return true;
}

// REQUIRES: the opening quote comes next.
bool JsonScanner::skip_string() {
  ++position_;
  while (true) {
    position_ = find_special(position_, end_);
    if (position_ == end_) return fail(end_, "the text ends within a string");
    const char c = *position_;
    if (c == '"') {
      ++position_;
      return true;
    }
    if (c == '\\') {
      if (!skip_escape()) return false;
      continue;
    }
    if (static_cast<unsigned char>(c) < 0x20) return fail(position_, "a control character must be escaped");
    const CodePoint point = decode_code_point({position_, static_cast<std::size_t>(end_ - position_)});
    if (point.bytes == 0) return fail(position_, "the text is not valid UTF-8");
    position_ += point.bytes;
  }
}

bool JsonScanner::skip_escape() {
  const char* const backslash = position_;
  ++position_;
  if (position_ == end_) return fail(end_, "the text ends within a string");
  const char kind = *position_++;
  if (kind == 'u') {
    for (int i = 0; i < 4; ++i, ++position_) {
      if (position_ == end_) return fail(end_, "the text ends within a string");
      if (hex_digit(*position_) < 0) return fail(position_, "\\u needs four hexadecimal digits");
    }
    return true;
  }
  if (std::string_view("\"\\/bfnrt").find(kind) != std::string_view::npos) return true;
  return fail(backslash, "no such escape in a JSON string");
}

bool JsonScanner::skip_number() {
  if (*position_ == '-') ++position_;
  const char* const first = position_;
  if (!skip_digits()) return false;
  if (*first == '0' && position_ - first > 1) return fail(first + 1, "a number must not begin with 0");
  if (position_ != end_ && *position_ == '.') {
    ++position_;
    if (!skip_digits()) return false;
  }
  if (position_ != end_ && (*position_ == 'e' || *position_ == 'E')) {
    ++position_;
    if (position_ != end_ && (*position_ == '+' || *position_ == '-')) ++position_;
    if (!skip_digits()) return false;
  }
  return true;
}

bool JsonScanner::skip_digits() {
  if (position_ == end_ || !is_digit(*position_)) return fail_unexpected("a digit is expected here");
  while (position_ != end_ && is_digit(*position_)) ++position_;
  return true;
}

bool JsonScanner::skip_literal(std::string_view literal) {
  for (const char c : literal) {
    if (position_ == end_ || *position_ != c) return fail_unexpected("a value is expected here");
    ++position_;
  }
  return true;
}

bool JsonScanner::begin_object(std::string_view& key) {
  if (peek() != '{') return failed() ? false : fail_unexpected("an object is expected here");
  if (open(true) != Step::kOpened) return false;
  key = key_;
  return true;
}

bool JsonScanner::next_member(std::string_view& key) {
  if (failed() || end_value() != Step::kOpened) return false;
  key = key_;
  return true;
}

bool JsonScanner::begin_array() {
  if (peek() != '[') return failed() ? false : fail_unexpected("an array is expected here");
  return open(false) == Step::kOpened;
}

bool JsonScanner::next_element() { return !failed() && end_value() == Step::kOpened; }

bool JsonScanner::finish() {
  if (failed()) return false;
  skip_space();
  return position_ == end_ || fail(position_, "nothing may follow the value");
}

namespace {

// The code unit of a checked `\uXXXX` that stands at `position`.
char32_t code_unit(std::string_view content, std::size_t position) {
  char32_t unit = 0;
  for (std::size_t i = position + 2; i < position + 6; ++i) {
    unit = (unit << 4U) | static_cast<char32_t>(hex_digit(content[i]));
  }
  return unit;
}

void append_code_point(std::string& out, char32_t value) {
  const auto put = [&out](char32_t byte) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
  };
  if (value < 0x80) return put(value);
  if (value < 0x800) {
    put(0xC0 | (value >> 6U));
  } else {
    if (value < 0x10000) {
      put(0xE0 | (value >> 12U));
    } else {
      put(0xF0 | (value >> 18U));
      put(0x80 | ((value >> 12U) & 0x3FU));
    }
    put(0x80 | ((value >> 6U) & 0x3FU));
  }
  put(0x80 | (value & 0x3FU));
}

char simple_escape(char kind) {
  switch (kind) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return kind;
  }
}

// Appends the `\uXXXX` at `position`, or the pair of them, and returns the
// position after it; npos for half a surrogate pair.
std::size_t append_unicode_escape(std::string& out, std::string_view content, std::size_t position) {
  const char32_t unit = code_unit(content, position);
  position += 6;
  if (unit < 0xD800 || unit > 0xDFFF) {
    append_code_point(out, unit);
    return position;
  }
  if (unit > 0xDBFF || content.substr(position, 2) != "\\u") return std::string_view::npos;
  const char32_t second = code_unit(content, position);
  if (second < 0xDC00 || second > 0xDFFF) return std::string_view::npos;
  append_code_point(out, 0x10000 + ((unit - 0xD800) << 10U) + (second - 0xDC00));
  return position + 6;
}

}  // namespace

bool append_decoded(std::string& out, std::string_view content) {
  const std::size_t old_size = out.size();
  std::size_t position = 0;
  while (position < content.size()) {
    const std::size_t backslash = std::min(content.find('\\', position), content.size());
    out.append(content, position, backslash - position);
    position = backslash;
    if (position == content.size()) break;
    if (content[position + 1] != 'u') {
      out.push_back(simple_escape(content[position + 1]));
      position += 2;
      continue;
    }
    position = append_unicode_escape(out, content, position);
    if (position == std::string_view::npos) {
      out.resize(old_size);
      return false;
    }
  }
  return true;
}

}  // namespace wskit::protocol
