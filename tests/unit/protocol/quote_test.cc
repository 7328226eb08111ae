#include "common/protocol/quote.h"

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>

namespace wskit::protocol {
namespace {

TEST(QuoteTest, PutsTextIntoQuotes) {
  EXPECT_EQ(quote("a/b"), R"("a/b")");
  EXPECT_EQ(quote(""), R"("")");
  EXPECT_EQ(quote("a\"b\\c\n\x01"), R"("a\"b\\c\n\u0001")");
  EXPECT_EQ(quote("日本"), R"("日本")");
}

TEST(QuoteTest, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(quote("a\xFF\xE2\x82z"), "\"a\uFFFD\uFFFD\uFFFDz\"");
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  EXPECT_TRUE(nlohmann::json::accept(quote(bytes)));
}

// R10
TEST(QuoteTest, EscapesWhatAScreenWouldObey) {
  EXPECT_EQ(quote("a\u009b2Jb\x7f"), R"("a\u009b2Jb\u007f")");
  EXPECT_EQ(quote("SELL \u202eYUB\u2066\u200f\u061c\u2028"), R"("SELL \u202eYUB\u2066\u200f\u061c\u2028")");
  EXPECT_EQ(quote("\xe2\x80"), "\"\uFFFD\uFFFD\"");
  EXPECT_EQ(quote("\u200d\u00a0é😀"), "\"\u200d\u00a0é😀\"");
  std::string long_text;
  append_quoted(long_text, std::string(1'000, '\x7f'));
  EXPECT_EQ(long_text.size(), 6'002U) << "nothing is cut";
}

// R10
TEST(QuoteTest, JsonInALineKeepsItsValues) {
  const std::string json = "{\"a\u202e\\\"\":\r\n[1,\t\"b\u0085\\\\\"],\n\"c\":\"\x7f\"}";
  std::string plain;
  append_plain_json(plain, json);
  EXPECT_EQ(plain, R"({"a\u202e\"":  [1, "b\u0085\\"], "c":"\u007f"})");
  EXPECT_EQ(nlohmann::json::parse(plain), nlohmann::json::parse(json));
}

TEST(QuoteTest, CutsTextThatIsLongerThanAnyName) {
  EXPECT_EQ(quote(std::string(256, 'x')), "\"" + std::string(256, 'x') + "\"");
  EXPECT_EQ(quote(std::string(257, 'x')), "\"" + std::string(256, 'x') + "…\"");
  const std::string wide = quote(std::string(255, 'x') + "日本");
  EXPECT_EQ(wide, "\"" + std::string(255, 'x') + "日…\"") << "no code point is cut in two";
}

TEST(NearestNameTest, FindsTheNameThatWasMeant) {
  constexpr std::array<std::string_view, 4> kNames{"publish", "subscribe", "unsubscribe", "ping"};
  EXPECT_EQ(nearest_name("publsh", kNames), "publish");
  EXPECT_EQ(nearest_name("pubilsh", kNames), "publish");
  EXPECT_EQ(nearest_name("Subscribe", kNames), "subscribe");
  EXPECT_EQ(nearest_name("subscribed", kNames), "subscribe");
  EXPECT_EQ(nearest_name("pin", kNames), "ping");
  EXPECT_EQ(nearest_name("unsu", kNames), "unsubscribe") << "only begun";
  EXPECT_EQ(nearest_name("pong", kNames), "ping");
}

TEST(NearestNameTest, IsSilentWhereNothingIsNear) {
  constexpr std::array<std::string_view, 2> kNames{"publish", "ping"};
  EXPECT_EQ(nearest_name("", kNames), "");
  EXPECT_EQ(nearest_name("join", kNames), "");
  EXPECT_EQ(nearest_name(std::string(100'000, 'p'), kNames), "");
}

}  // namespace
}  // namespace wskit::protocol
