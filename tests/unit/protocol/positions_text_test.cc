#include "common/protocol/positions_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "support/positions_text.h"

namespace wskit::protocol {
namespace {

using test::to_text;
using ::testing::HasSubstr;

std::string json(std::string_view text) {
  const Result<Since> since = parse_since_text(text, SystemMicros{});
  return since ? to_json(*since) : "refused: " + since.error().message;
}

TEST(PositionsTextTest, NamesEachChannelBehindItsPosition) {
  EXPECT_EQ(json("*e1:42=market/AAPL*e2:7=b"),
            R"({"positions":{"b":{"offset":7,"epoch":"e2"},"market/AAPL":{"offset":42,"epoch":"e1"}}})");
}

TEST(PositionsTextTest, APositionWithoutAnEpochHasThatOfTheOneBefore) {
  EXPECT_EQ(json("*e:1=a*2=b"),
            R"({"positions":{"a":{"offset":1,"epoch":"e"},"b":{"offset":2,"epoch":"e"}}})");
  EXPECT_EQ(json("*1=a"), R"({"positions":{"a":{"offset":1}}})");
}

TEST(PositionsTextTest, ATimeStandsInFront) {
  EXPECT_EQ(json("*@1763713200.5*e:1=a"),
            R"({"positions":{"a":{"offset":1,"epoch":"e"}},"time":"2025-11-21T08:20:00.500000Z"})");
  EXPECT_EQ(json("*@0"), R"({"positions":{},"time":"1970-01-01T00:00:00.000000Z"})");
  EXPECT_EQ(json("*"), R"({"positions":{}})");
}

TEST(PositionsTextTest, ANameMayHoldWhatPositionsAreWrittenWith) {
  EXPECT_EQ(json("*e:1=a=b:c@d"), R"({"positions":{"a=b:c@d":{"offset":1,"epoch":"e"}}})");
  EXPECT_EQ(json("*a:b:1=x"), R"({"positions":{"x":{"offset":1,"epoch":"a:b"}}})");
}

// H3: a header that a page sets takes no letters past Latin-1.
TEST(PositionsTextTest, IsWrittenInAsciiAndReadInBothForms) {
  FromPositions from;
  from.positions["žluť/100%"] = {1, "e"};
  from.positions["x"] = {2, "e"};
  const std::string text = to_text(from);
  EXPECT_EQ(text, "*e:2=x*1=%C5%BElu%C5%A5/100%25");
  EXPECT_EQ(parse_positions_text(text).value(), from);
  EXPECT_EQ(parse_positions_text("*e:2=x*1=žluť/100%").value(), from);
  EXPECT_EQ(parse_positions_text("*e:2=x*1=%c5%beluť/100%").value(), from);
  EXPECT_EQ(positions_text_bytes("žluť/100%"), std::string_view("%C5%BElu%C5%A5/100%25").size());
  EXPECT_THAT(json("*1=a%2"), HasSubstr("a%2")) << "no escape";
  EXPECT_THAT(json("*1=a%2F%2Fb"), HasSubstr("segment 2 is empty"));
  EXPECT_THAT(json("*1=%FF"), HasSubstr("UTF-8"));
}

TEST(PositionsTextTest, SaysWhatIsWrong) {
  EXPECT_THAT(json("*1"), HasSubstr("name no channel"));
  EXPECT_THAT(json("**1=a"), HasSubstr("name no channel"));
  EXPECT_THAT(json("*=a"), HasSubstr("no offset"));
  EXPECT_THAT(json("*e:=a"), HasSubstr("no offset"));
  EXPECT_THAT(json("*-1=a"), HasSubstr("no offset"));
  EXPECT_THAT(json("*18446744073709551616=a"), HasSubstr("no offset"));
  EXPECT_THAT(json("*e f:1=a"), HasSubstr("no offset"));
  EXPECT_THAT(json("*1=a*2=a"), HasSubstr("there before"));
  EXPECT_THAT(json("*@noon*1=a"), HasSubstr("no time"));
  EXPECT_THAT(json("*1=a*@5"), HasSubstr("name no channel"));
  EXPECT_THAT(json("*1=a//b"), HasSubstr("segment 2 is empty"));
}

TEST(PositionsTextTest, ReadsBackWhatItWrote) {
  std::mt19937 random(20261121);
  const auto any = [&random](std::size_t below) { return random() % below; };
  for (int round = 0; round < 2'000; ++round) {
    FromPositions from;
    if (any(2) == 0) from.time = SystemMicros{std::chrono::microseconds{static_cast<std::int64_t>(random())}};
    for (std::size_t i = any(6); i > 0; --i) {
      const std::string epoch = any(4) == 0 ? "" : "e" + std::to_string(any(3));
      from.positions["c" + std::to_string(any(50)) + (any(2) == 0 ? "=x%" : "/ø%41")] = {random(), epoch};
    }
    const std::string text = to_text(from);
    const Result<FromPositions> back = parse_positions_text(text);
    ASSERT_TRUE(back) << text << ": " << back.error().message;
    ASSERT_EQ(*back, from) << text;
  }
}

}  // namespace
}  // namespace wskit::protocol
