#include "common/protocol/position.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace wskit::protocol {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;

const SystemMicros kNow = parse_timestamp("2026-11-20T10:00:00.5Z").value();

// What a position means, as the JSON that says it; or why it is none.
std::string json(std::string_view text) {
  const Result<Since> since = parse_since(text, kNow);
  if (since) return to_json(*since);
  EXPECT_TRUE(since.error().code == ErrorCode::kBadCommand || since.error().code == ErrorCode::kBadChannel);
  return "refused: " + since.error().message;
}

std::string text(std::string_view position) {
  const Result<Since> since = parse_since_text(position, kNow);
  if (since) return to_json(*since);
  EXPECT_EQ(since.error().code, ErrorCode::kBadCommand);
  return "refused: " + since.error().message;
}

TEST(PositionTextTest, ANumberIsAnOffset) {
  EXPECT_EQ(text("0"), R"({"offset":0})");
  EXPECT_EQ(text("42"), R"({"offset":42})");
  EXPECT_EQ(text("18446744073709551615"), R"({"offset":18446744073709551615})");
}

TEST(PositionTextTest, AnEpochStandsBeforeTheOffset) {
  EXPECT_EQ(text("e1:42"), R"({"offset":42,"epoch":"e1"})");
  EXPECT_EQ(text("7:42"), R"({"offset":42,"epoch":"7"})");
  EXPECT_EQ(text("a:b:42"), R"({"offset":42,"epoch":"a:b"})");
  EXPECT_EQ(text("2026-11:5"), R"({"offset":5,"epoch":"2026-11"})");
}

TEST(PositionTextTest, ANegativeNumberCountsEventsBack) {
  EXPECT_EQ(text("-100"), R"({"last":100})");
  EXPECT_EQ(text("-0"), R"({"last":0})");
}

TEST(PositionTextTest, ADurationCountsTimeBack) {
  EXPECT_EQ(text("-5m"), R"({"time":"2026-11-20T09:55:00.500000Z"})");
  EXPECT_EQ(text("-250ms"), R"({"time":"2026-11-20T10:00:00.250000Z"})");
  EXPECT_EQ(text("-30s"), R"({"time":"2026-11-20T09:59:30.500000Z"})");
  EXPECT_EQ(text("-1h30m"), R"({"time":"2026-11-20T08:30:00.500000Z"})");
  EXPECT_EQ(text("-2d"), R"({"time":"2026-11-18T10:00:00.500000Z"})");
  EXPECT_EQ(text("-1s500ms"), R"({"time":"2026-11-20T09:59:59.000000Z"})");
}

TEST(PositionTextTest, ATimeIsRfc3339OrSecondsAfterAnAt) {
  EXPECT_EQ(text("2026-11-20T09:00:00+01:00"), R"({"time":"2026-11-20T08:00:00.000000Z"})");
  EXPECT_EQ(text("@1700000000.123"), R"({"time":"2023-11-14T22:13:20.123000Z"})");
  EXPECT_EQ(text("@1700000000"), R"({"time":"2023-11-14T22:13:20.000000Z"})");
  EXPECT_EQ(text("@0.0000019"), R"({"time":"1970-01-01T00:00:00.000001Z"})");
  EXPECT_EQ(text("@253402300799"), R"({"time":"9999-12-31T23:59:59.000000Z"})");
}

TEST(PositionTextTest, StartAndNowAreWords) {
  EXPECT_EQ(text("start"), R"("start")");
  EXPECT_EQ(text("now"), R"("now")");
}

TEST(PositionTextTest, RefusesEverythingElseAndSaysWhatToWrite) {
  for (const std::string_view position : {"",
                                          "x",
                                          "Start",
                                          "-",
                                          "--5",
                                          "+5",
                                          " 5",
                                          "5 ",
                                          "5m",
                                          "-5x",
                                          "-5m-",
                                          "-m",
                                          "-5.5m",
                                          "1.5",
                                          "18446744073709551616",
                                          "e1:",
                                          ":5",
                                          "e1:-5",
                                          "e 1:5",
                                          "e1:5x",
                                          "@",
                                          "@x",
                                          "@-1",
                                          "@1.",
                                          "@1.x",
                                          "@253402300800",
                                          "-99999999999999999999d",
                                          "-4000000d",
                                          "yesterday"}) {
    EXPECT_THAT(text(position), HasSubstr("-5m), an RFC 3339 time")) << position;
    EXPECT_THAT(text(position), HasSubstr("refused")) << position;
  }
}

// F3: a text that begins as a time is one, and where its zone is missing that is said.
TEST(PositionTextTest, ATimeWithoutAZoneOrADateIsNoEpoch) {
  EXPECT_THAT(text("09:30"), HasSubstr("is a time of day without its date and its zone"));
  EXPECT_THAT(text("17:00"), HasSubstr("is a time of day"));
  EXPECT_THAT(text("09:30:00"), HasSubstr("is a time of day"));
  EXPECT_THAT(text("12:345"), HasSubstr("is a time of day"));
  EXPECT_THAT(text("2026-11-29"), HasSubstr("is a date without a time and a zone"));
  EXPECT_THAT(text("2026-11-29T10:00:00"), HasSubstr("is a time without a zone"));
  EXPECT_THAT(text("2026-11-29T10:00:00.5"), HasSubstr("is a time without a zone"));
  EXPECT_THAT(text("2026-11-29 10:00:00"), HasSubstr("is a time without a zone"));
  EXPECT_THAT(text("2026-11-29T10:00"), HasSubstr("is a time without seconds and a zone"));
  EXPECT_THAT(text("2026-02-30T00:00:00Z"), HasSubstr("is no RFC 3339 time"));
  EXPECT_THAT(text("2026-11-20:5"), HasSubstr("is no RFC 3339 time"));
  EXPECT_THAT(text("2026-11-29"), HasSubstr("2026-11-20T10:00:00Z"));
  EXPECT_THAT(json(R"("17:00")"), HasSubstr("is a time of day"));
  EXPECT_THAT(json(R"({"time":"2026-11-29T10:00:00"})"), HasSubstr("is a time without a zone"));
  EXPECT_THAT(json(R"({"time":"09:30"})"), HasSubstr("is a time of day"));
}

TEST(PositionTextTest, TheLongestDurationDoesNotOverflow) {
  EXPECT_EQ(text("-3660000d"), R"({"time":"0000-01-01T00:00:00.000000Z"})")
      << "clamped to what can be written";
  EXPECT_THAT(text("-3660000d1ms"), HasSubstr("refused"));
}

TEST(PositionJsonTest, AnOffsetMayHaveAnEpoch) {
  EXPECT_EQ(json(R"({"offset":42,"epoch":"e1"})"), R"({"offset":42,"epoch":"e1"})");
  EXPECT_EQ(json(R"({ "epoch" : "\u0065\u0031", "offset" : 0 })"), R"({"offset":0,"epoch":"e1"})");
  EXPECT_EQ(json(R"({"offset":42})"), R"({"offset":42})");
}

TEST(PositionJsonTest, LastCountsEvents) { EXPECT_EQ(json(R"({"last":100})"), R"({"last":100})"); }

TEST(PositionJsonTest, ATimeIsAStringOfAnyForm) {
  EXPECT_EQ(json(R"({"time":"2026-11-20T09:00:00Z"})"), R"({"time":"2026-11-20T09:00:00.000000Z"})");
  EXPECT_EQ(json(R"({"time":"-5m"})"), R"({"time":"2026-11-20T09:55:00.500000Z"})");
  EXPECT_EQ(json(R"({"time":"@0"})"), R"({"time":"1970-01-01T00:00:00.000000Z"})");
  EXPECT_EQ(json(R"({"time":"now"})"), R"({"time":"2026-11-20T10:00:00.500000Z"})");
}

TEST(PositionJsonTest, PositionsNameChannels) {
  EXPECT_EQ(json(R"({"positions":{"market/AAPL":{"offset":5,"epoch":"x"},"a\/b":{"offset":1}}})"),
            R"({"positions":{"a/b":{"offset":1},"market/AAPL":{"offset":5,"epoch":"x"}}})");
  EXPECT_EQ(json(R"({"time":"2026-11-20T09:00:00Z","positions":{}})"),
            R"({"positions":{},"time":"2026-11-20T09:00:00.000000Z"})");
}

TEST(PositionJsonTest, TheFormsOfTextCountAsStringsAndNumbers) {
  EXPECT_EQ(json(R"("start")"), R"("start")");
  EXPECT_EQ(json(R"("now")"), R"("now")");
  EXPECT_EQ(json(R"("e1:42")"), R"({"offset":42,"epoch":"e1"})");
  EXPECT_EQ(json(R"("\u002d100")"), R"({"last":100})");
  EXPECT_EQ(json("42"), R"({"offset":42})");
  EXPECT_EQ(json("-100"), R"({"last":100})");
}

TEST(PositionJsonTest, RefusesUnknownFieldsByName) {
  EXPECT_THAT(json(R"({"offset":42,"channel":"a"})"),
              HasSubstr("has \"channel\", which means nothing there"));
}

TEST(PositionJsonTest, RefusesWhatSaysNothingOrTwoThings) {
  EXPECT_THAT(json("{}"), HasSubstr("must have one of"));
  EXPECT_THAT(json(R"({"epoch":"e1"})"), HasSubstr("must have one of"));
  EXPECT_THAT(json(R"({"offset":1,"last":1})"), HasSubstr("must have one of"));
  EXPECT_THAT(json(R"({"offset":1,"time":"now"})"), HasSubstr("must have one of"));
  EXPECT_THAT(json(R"({"last":1,"positions":{}})"), HasSubstr("must have one of"));
  EXPECT_THAT(json(R"({"offset":1,"offset":2})"), HasSubstr("\"offset\" twice"));
  // S7: without its epoch a position means another one.
  EXPECT_THAT(json(R"({"offset":1,"epcoh":"e"})"), HasSubstr("has \"epcoh\", which means nothing there"));
  EXPECT_THAT(json(R"({"positions":{"a":{"offset":1,"replayed":2}}})"), HasSubstr("\"replayed\""));
  EXPECT_THAT(json(R"({"positions":{"a":{"offset":1},"\u0061":{"offset":2}}})"), HasSubstr("\"a\" twice"));
}

TEST(PositionJsonTest, RefusesPartsThatBreakTheirRules) {
  for (const std::string_view position : {"null",
                                          "true",
                                          "[]",
                                          "1.5",
                                          "1e3",
                                          R"("\ud800")",
                                          R"({"offset":-1})",
                                          R"({"offset":1.0})",
                                          R"({"offset":"1"})",
                                          R"({"offset":null})",
                                          R"({"offset":1,"epoch":1})",
                                          R"({"offset":1,"epoch":""})",
                                          R"({"offset":1,"epoch":"a b"})",
                                          R"({"offset":1,"epoch":"\ud800"})",
                                          R"({"last":-1})",
                                          R"({"last":"1"})",
                                          R"({"time":5})",
                                          R"({"time":"soon"})",
                                          R"({"time":"\udfff"})",
                                          R"({"positions":[]})",
                                          R"({"positions":{"a":5}})",
                                          R"({"positions":{"a":{}}})",
                                          R"({"positions":{"a/*":{"offset":1}}})",
                                          R"({"positions":{"\ud800":{"offset":1}}})",
                                          R"({"positions":{"a":{"offset":1,"offset":1}}})"}) {
    EXPECT_THAT(json(position), HasSubstr("refused")) << position;
  }
}

TEST(PositionTest, WhatIsWrittenIsReadBack) {
  FromPositions positions;
  positions.positions["a"] = {1, "e1"};
  positions.positions["b/c"] = {2, ""};
  FromPositions with_time = positions;
  with_time.time = kNow - hours{1};
  for (const Since& since :
       {Since(FromNow{}), Since(FromStart{}), Since(Position{7, "e"}), Since(Position{0, ""}),
        Since(FromLast{3}), Since(kNow - minutes{1}), Since(positions), Since(with_time)}) {
    EXPECT_EQ(parse_since(to_json(since), kNow).value(), since) << to_json(since);
  }
}

}  // namespace
}  // namespace wskit::protocol
