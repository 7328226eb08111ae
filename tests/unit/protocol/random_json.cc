#include "random_json.h"

#include <array>
#include <string_view>

namespace wskit::protocol {

std::string RandomJson::string() {
  std::string out;
  append_string(out);
  return out;
}

void RandomJson::append_value(std::string& out, int depth) {
  append_space(out);
  switch (pick(depth < 5 ? 8 : 6)) {
    case 0:
      out += "true";
      break;
    case 1:
      out += "false";
      break;
    case 2:
      out += "null";
      break;
    case 3:
      append_string(out);
      break;
    case 4:
    case 5:
      append_number(out);
      break;
    case 6:
      append_object(out, depth);
      break;
    default:
      append_array(out, depth);
  }
  append_space(out);
}

void RandomJson::append_object(std::string& out, int depth) {
  out += '{';
  append_space(out);
  const std::size_t members = pick(5);
  for (std::size_t i = 0; i < members; ++i) {
    if (i > 0) out += ',';
    append_space(out);
    append_string(out);
    append_space(out);
    out += ':';
    append_value(out, depth + 1);
  }
  out += '}';
}

void RandomJson::append_array(std::string& out, int depth) {
  out += '[';
  append_space(out);
  const std::size_t elements = pick(5);
  for (std::size_t i = 0; i < elements; ++i) {
    if (i > 0) out += ',';
    append_value(out, depth + 1);
  }
  out += ']';
}

void RandomJson::append_string(std::string& out) {
  constexpr std::array<std::string_view, 12> kTexts{"a", "price",        "x y",    "0123456789abcdef",
                                                    "/", "\x7f",         "é",      "日本",
                                                    "😀", "\xEF\xBF\xBF", "{}[],:", "\u2028"};
  out += '"';
  const std::size_t parts = pick(6);
  for (std::size_t i = 0; i < parts; ++i) {
    if (pick(4) == 0) {
      append_escape(out);
    } else {
      out += kTexts[pick(kTexts.size())];
    }
  }
  out += '"';
}

void RandomJson::append_escape(std::string& out) {
  constexpr std::array<std::string_view, 13> kEscapes{
      "\\\"",    "\\\\",           "\\/",    "\\b", "\\f", "\\n", "\\r", "\\t", "\\u0000", "\\u00e9",
      "\\uFfFf", "\\ud83d\\ude00", "\\u001f"};
  constexpr std::array<std::string_view, 3> kLoneSurrogates{"\\ud800", "\\uDFFF", "\\udc00\\ud800"};
  if (options_.lone_surrogates && pick(8) == 0) {
    out += kLoneSurrogates[pick(kLoneSurrogates.size())];
  } else {
    out += kEscapes[pick(kEscapes.size())];
  }
}

void RandomJson::append_number(std::string& out) {
  if (pick(3) == 0) out += '-';
  if (pick(4) == 0) {
    out += '0';
  } else {
    out += static_cast<char>('1' + pick(9));
    append_digits(out, options_.huge_numbers ? 40 : 12);
  }
  if (pick(3) == 0) {
    out += '.';
    out += static_cast<char>('0' + pick(10));
    append_digits(out, 20);
  }
  if (pick(4) == 0) {
    constexpr std::array<std::string_view, 6> kExponents{"e", "E", "e+", "E+", "e-", "E-"};
    out += kExponents[pick(kExponents.size())];
    out += static_cast<char>('0' + pick(10));
    if (options_.huge_numbers) append_digits(out, 6);
  }
}

void RandomJson::append_digits(std::string& out, std::size_t most) {
  const std::size_t digits = pick(most + 1);
  for (std::size_t i = 0; i < digits; ++i) out += static_cast<char>('0' + pick(10));
}

void RandomJson::append_space(std::string& out) {
  while (pick(6) == 0) out += " \t\r\n"[pick(4)];
}

}  // namespace wskit::protocol
