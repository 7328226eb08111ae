#include "common/protocol/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace wskit::protocol {
namespace {

// Written by the definition in RFC 3629, section 3.
std::string encode(char32_t value) {
  const auto byte = [](char32_t bits) { return static_cast<char>(static_cast<unsigned char>(bits)); };
  const auto tail = [&byte, value](unsigned shift) { return byte(0x80 | ((value >> shift) & 0x3FU)); };
  if (value < 0x80) return {byte(value)};
  if (value < 0x800) return {byte(0xC0 | (value >> 6U)), tail(0)};
  if (value < 0x10000) return {byte(0xE0 | (value >> 12U)), tail(6), tail(0)};
  return {byte(0xF0 | (value >> 18U)), tail(12), tail(6), tail(0)};
}

bool is_surrogate(char32_t value) { return value >= 0xD800 && value <= 0xDFFF; }

TEST(Utf8Test, ReadsEveryCodePoint) {
  for (char32_t value = 0; value <= 0x10FFFF; ++value) {
    if (is_surrogate(value)) continue;
    const std::string text = encode(value) + "x";
    const CodePoint point = decode_code_point(text);
    ASSERT_EQ(point.value, value);
    ASSERT_EQ(point.bytes, text.size() - 1);
  }
}

// R10
TEST(Utf8Test, PlainTextHasNothingThatAScreenObeys) {
  for (const char* plain : {"", "ann", "Ž. Žluťoučký 日本 😀", "a\u00a0b", "a\u200db"})
    EXPECT_TRUE(is_plain(plain)) << plain;
  for (const char* other :
       {"a\n", "\x7f", "\u0080", "\u009b2J", "\u009f", "\u061c", "\u200e", "\u200f", "\u2028", "\u2029",
        "\u202a", "\u202e", "\u2066", "\u2069", "\xff", "a\xc2", "\x9b"}) {
    EXPECT_FALSE(is_plain(other)) << other;
  }
}

TEST(Utf8Test, RefusesSurrogatesAndWhatIsPastTheLastCodePoint) {
  for (char32_t value = 0xD800; value <= 0xDFFF; ++value)
    EXPECT_EQ(decode_code_point(encode(value)).bytes, 0U);
  for (const char32_t value : {0x110000U, 0x13FFFFU, 0x1FFFFFU})
    EXPECT_EQ(decode_code_point(encode(value)).bytes, 0U);
}

TEST(Utf8Test, RefusesEveryCodePointThatIsCutShort) {
  for (const char32_t value : {0x80U, 0x7FFU, 0x800U, 0xFFFFU, 0x10000U, 0x10FFFFU}) {
    const std::string whole = encode(value);
    for (std::size_t size = 1; size < whole.size(); ++size) {
      EXPECT_EQ(decode_code_point(whole.substr(0, size)).bytes, 0U);
      EXPECT_EQ(decode_code_point(whole.substr(0, size) + "xxx").bytes, 0U);
    }
  }
}

TEST(Utf8Test, RefusesOverlongForms) {
  for (const std::string_view overlong : {"\xC0\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF",
                                          "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF"}) {
    EXPECT_EQ(decode_code_point(overlong).bytes, 0U) << testing::PrintToString(overlong);
  }
}

TEST(Utf8Test, RefusesBytesThatBeginNothing) {
  for (const int byte : {0x80, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xF5, 0xF8, 0xFC, 0xFE, 0xFF}) {
    EXPECT_EQ(decode_code_point(std::string(1, static_cast<char>(byte)) + "\x80\x80\x80\x80").bytes, 0U)
        << byte;
  }
}

}  // namespace
}  // namespace wskit::protocol
