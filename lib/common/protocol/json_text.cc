#include "common/protocol/json_text.h"

#include <algorithm>
#include <bit>
#include <boost/endian/conversion.hpp>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i space = _mm_set1_epi8(' ');
  for (; end - position >= 16; position += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(position));
    // As signed numbers those past ASCII are below the space, too.
    const __m128i special =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
                     _mm_cmplt_epi8(bytes, space));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
    if (mask != 0) return position + std::countr_zero(mask);
  }
#endif
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

const char* JsonScanner::fail(const char* where, std::string_view reason) {
  position_ = where;
  reason_ = reason;
  return nullptr;
}

const char* JsonScanner::fail_unexpected(const char* where, std::string_view reason) {
  return fail(where, where == end_ ? "the text ends too early" : reason);
}

inline const char* JsonScanner::skip_space(const char* p) const {
  while (p != end_ && static_cast<unsigned char>(*p) <= ' ') {
    if (*p != ' ' && *p != '\n' && *p != '\r' && *p != '\t') break;
    ++p;
  }
  return p;
}

// REQUIRES: the opening quote at `p`.
inline const char* JsonScanner::skip_string(const char* p) {
  p = find_special(p + 1, end_);
  if (p != end_ && *p == '"') return p + 1;
  return skip_special(p);
}

// The rest of a string from the first byte that needs a closer look.
const char* JsonScanner::skip_special(const char* p) {
  while (p != end_ && *p != '"') {
    if (*p == '\\') {
      p = skip_escape(p);
      if (p == nullptr) return nullptr;
    } else if (static_cast<unsigned char>(*p) < 0x20) {
      return fail(p, "a control character must be escaped");
    } else {
      const CodePoint point = decode_code_point({p, static_cast<std::size_t>(end_ - p)});
      if (point.bytes == 0) return fail(p, "the text is not valid UTF-8");
      p += point.bytes;
    }
    p = find_special(p, end_);
  }
  return p == end_ ? fail(end_, "the text ends within a string") : p + 1;
}

// REQUIRES: a backslash at `p`.
const char* JsonScanner::skip_escape(const char* p) {
  const char* const backslash = p++;
  if (p == end_) return fail(end_, "the text ends within a string");
  const char kind = *p++;
  if (kind == 'u') {
    for (int i = 0; i < 4; ++i, ++p) {
      if (p == end_) return fail(end_, "the text ends within a string");
      if (hex_digit(*p) < 0) return fail(p, "\\u needs four hexadecimal digits");
    }
    return p;
  }
  if (std::string_view("\"\\/bfnrt").find(kind) != std::string_view::npos) return p;
  return fail(backslash, "no such escape in a JSON string");
}

inline const char* JsonScanner::skip_number(const char* p) {
  if (*p == '-') ++p;
  const char* const first = p;
  p = skip_digits(p);
  if (p == nullptr) return nullptr;
  if (*first == '0' && p - first > 1) return fail(first + 1, "a number must not begin with 0");
  if (p != end_ && *p == '.') {
    p = skip_digits(p + 1);
    if (p == nullptr) return nullptr;
  }
  if (p != end_ && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p != end_ && (*p == '+' || *p == '-')) ++p;
    return skip_digits(p);
  }
  return p;
}

inline const char* JsonScanner::skip_digits(const char* p) {
  if (p == end_ || !is_digit(*p)) return fail_unexpected(p, "a digit is expected here");
  while (p != end_ && is_digit(*p)) ++p;
  return p;
}

const char* JsonScanner::skip_literal(const char* p, std::string_view literal) {
  for (const char c : literal) {
    if (p == end_ || *p != c) return fail_unexpected(p, "a value is expected here");
    ++p;
  }
  return p;
}

inline const char* JsonScanner::skip_key(const char* p) {
  if (p == end_ || *p != '"') return fail_unexpected(p, "a name in double quotes is expected here");
  const char* const content = p + 1;
  p = skip_string(p);
  if (p == nullptr) return nullptr;
  key_ = {content, static_cast<std::size_t>(p - 1 - content)};
  p = skip_space(p);
  if (p == end_ || *p != ':') return fail_unexpected(p, "a colon is expected here");
  return p + 1;
}

// Passes a scalar or an empty container (kEnded), or enters a container up to
// its first value (kOpened). REQUIRES: no white space at `p`.
inline JsonScanner::Step JsonScanner::start_value(const char*& p) {
  switch (p == end_ ? '\0' : *p) {
    case '{':
      return open(p, true);
    case '[':
      return open(p, false);
    case '"':
      p = skip_string(p);
      break;
    case 't':
      p = skip_literal(p, "true");
      break;
    case 'f':
      p = skip_literal(p, "false");
      break;
    case 'n':
      p = skip_literal(p, "null");
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
      p = skip_number(p);
      break;
    default:
      p = fail_unexpected(p, "a value is expected here");
  }
  return p == nullptr ? Step::kFailed : Step::kEnded;
}

// REQUIRES: the opening bracket at `p`.
inline JsonScanner::Step JsonScanner::open(const char*& p, bool object) {
  if (depth_ == max_depth_) {
    fail(p, "arrays and objects are nested more than 512 deep");
    return Step::kFailed;
  }
  deepest_ = std::max(deepest_, depth_ + 1);
  p = skip_space(p + 1);
  if (p != end_ && *p == (object ? '}' : ']')) {
    ++p;
    return Step::kEnded;
  }
  in_object_[depth_++] = object;
  if (object) p = skip_key(p);
  return p == nullptr ? Step::kFailed : Step::kOpened;
}

// After a value inside a container: on to the next value (kOpened) or out of the
// container (kEnded).
inline JsonScanner::Step JsonScanner::end_value(const char*& p) {
  p = skip_space(p);
  const bool object = in_object_[depth_ - 1];
  const char next = p == end_ ? '\0' : *p;
  if (next == ',') {
    p = skip_space(p + 1);
    if (object) p = skip_key(p);
    return p == nullptr ? Step::kFailed : Step::kOpened;
  }
  if (next == (object ? '}' : ']')) {
    ++p;
    --depth_;
    return Step::kEnded;
  }
  fail_unexpected(p, object ? "a comma or } is expected here" : "a comma or ] is expected here");
  return Step::kFailed;
}

std::string_view JsonScanner::value() {
  if (failed()) return {};
  const char* const first = skip_space(position_);
  const char* p = first;
  const std::size_t outer = depth_;
  Step step = start_value(p);
  while (step == Step::kOpened || (step == Step::kEnded && depth_ != outer)) {
    if (step == Step::kOpened) {
      p = skip_space(p);
      step = start_value(p);
    } else {
      step = end_value(p);
    }
  }
  if (step == Step::kFailed) return {};
  position_ = p;
  return {first, static_cast<std::size_t>(p - first)};
}

char JsonScanner::peek() {
  if (failed()) return '\0';
  position_ = skip_space(position_);
  return position_ == end_ ? '\0' : *position_;
}

// Whether a first or next value comes; keeps the place.
bool JsonScanner::arrive(const char* p, Step step) {
  if (step == Step::kFailed) return false;
  position_ = p;
  return step == Step::kOpened;
}

bool JsonScanner::begin_object(std::string_view& key) {
  if (peek() != '{') {
    if (!failed()) fail_unexpected(position_, "an object is expected here");
    return false;
  }
  const char* p = position_;
  const Step step = open(p, true);
  key = key_;
  return arrive(p, step);
}

bool JsonScanner::next_member(std::string_view& key) {
  if (failed()) return false;
  const char* p = position_;
  const Step step = end_value(p);
  key = key_;
  return arrive(p, step);
}

bool JsonScanner::begin_array() {
  if (peek() != '[') {
    if (!failed()) fail_unexpected(position_, "an array is expected here");
    return false;
  }
  const char* p = position_;
  const Step step = open(p, false);
  return arrive(p, step);
}

bool JsonScanner::next_element() {
  if (failed()) return false;
  const char* p = position_;
  const Step step = end_value(p);
  return arrive(p, step);
}

bool JsonScanner::finish() {
  if (failed()) return false;
  position_ = skip_space(position_);
  if (position_ != end_) fail(position_, "nothing may follow the value");
  return !failed();
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
