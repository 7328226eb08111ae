#include "wspub/event_mapper.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/protocol/command_text.h"
#include "wspub/publish_command.h"

namespace wskit::pub {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Maps lines and writes what comes of them as the event's JSON, as "blank", or
// as "column N: reason".
class EventMapperTest : public testing::Test {
 protected:
  void channel(std::string_view text) { options_.channel = *ChannelTemplate::parse(text); }
  static protocol::JsonPath path(std::string_view text) { return *protocol::JsonPath::parse(text); }

  std::string map(std::string_view line) {
    EventMapper mapper(options_);
    const auto event = mapper.map(line);
    if (!event) return fmt::format("column {}: {}", event.error().column, event.error().reason);
    if (!*event) return "blank";
    std::string json;
    protocol::append_publish_event(json, **event);
    return json;
  }

  MappingOptions options_;
};

TEST_F(EventMapperTest, AWholeLineBecomesTheDataByteForByte) {
  channel("c");
  constexpr std::string_view kLine =
      R"({ "z" : 1e400, "a":12345678901234567890123, "u":"\u00e9\/", "z":[ 1 ,2 ] , "t":-0.0 })";
  EXPECT_EQ(map(kLine), fmt::format(R"({{"channel":"c","type":"message","data":{}}})", kLine));
}

TEST_F(EventMapperTest, WhiteSpaceAroundTheLineIsNotPublished) {
  channel("c");
  EXPECT_EQ(map(" \t[1, 2]\r"), R"({"channel":"c","type":"message","data":[1, 2]})");
}

TEST_F(EventMapperTest, AnyJsonValueIsALine) {
  channel("c");
  for (const char* value : {"5", "\"text\"", "null", "true", "[]", "{}", "-1.5E+3"}) {
    EXPECT_EQ(map(value), fmt::format(R"({{"channel":"c","type":"message","data":{}}})", value));
  }
}

TEST_F(EventMapperTest, BlankLinesAreNoEvents) {
  channel("c");
  EXPECT_EQ(map(""), "blank");
  EXPECT_EQ(map(" \t\r"), "blank");
}

TEST_F(EventMapperTest, AnEnvelopeGivesTypeTimestampKeyAndData) {
  channel("c");
  EXPECT_EQ(
      map(R"({"data":{"p":1},"key":"k\"1","timestamp":"2026-11-20T10:00:00.5+01:00","type":"trade"})"),
      R"({"channel":"c","type":"trade","timestamp":"2026-11-20T10:00:00.5+01:00","key":"k\"1","data":{"p":1}})");
  EXPECT_EQ(map(R"({"type":"done","data":null})"), R"({"channel":"c","type":"done","data":null})");
}

TEST_F(EventMapperTest, NullsInAnEnvelopeAreAbsent) {
  channel("c");
  EXPECT_EQ(map(R"({"type":"t","timestamp":null,"key":null,"data":1})"),
            R"({"channel":"c","type":"t","data":1})");
}

TEST_F(EventMapperTest, WithoutTypeOrDataALineIsNoEnvelope) {
  channel("c");
  for (const char* line : {R"({"type":5,"price":1})", R"({"data":1,"x":2})", R"({"type":5,"data":1})"}) {
    EXPECT_EQ(map(line), fmt::format(R"({{"channel":"c","type":"message","data":{}}})", line));
  }
}

// U19
TEST_F(EventMapperTest, AFlatLineSaysItsTypeAndIsPublishedWhole) {
  channel("c");
  constexpr std::string_view kLine = R"({"type":"trade","price":3})";
  EXPECT_EQ(map(kLine), fmt::format(R"({{"channel":"c","type":"trade","data":{}}})", kLine));
  EXPECT_THAT(map(R"({"type":"not a type","price":3})"),
              AllOf(StartsWith("column 9: the type"), HasSubstr("--type-from none")));
  options_.own_type = false;
  EXPECT_EQ(map(kLine), fmt::format(R"({{"channel":"c","type":"message","data":{}}})", kLine));
  EXPECT_EQ(map(R"({"type":"trade","data":3})"), R"({"channel":"c","type":"message","data":3})");
}

TEST_F(EventMapperTest, WholeEventsNameTheirOwnChannel) {
  EXPECT_EQ(
      map(R"({"type":"trade","channel":"market/AAPL","offset":42,"timestamp":"2026-11-20T10:00:00.123456Z","key":"AAPL","data":{"price":150.250}})"),
      R"({"channel":"market/AAPL","type":"trade","timestamp":"2026-11-20T10:00:00.123456Z","key":"AAPL","data":{"price":150.250}})");
  EXPECT_EQ(map(R"({"channel":"a","data":1})"), R"({"channel":"a","type":"message","data":1})");
}

TEST_F(EventMapperTest, AGivenChannelOverridesTheEvents) {
  channel("copy");
  EXPECT_EQ(map(R"({"type":"t","channel":"a","offset":1,"data":1})"),
            R"({"channel":"copy","type":"t","data":1})");
}

TEST_F(EventMapperTest, ALineThatNamesNoChannelIsRefusedWithTheRemedy) {
  EXPECT_THAT(map(R"({"type":"t","data":1})"),
              AllOf(HasSubstr("names no channel"), HasSubstr("--channel-from")));
  EXPECT_THAT(map(R"({"channel":"a","price":1})"), HasSubstr("names no channel"));
  EXPECT_THAT(map("5"), HasSubstr("names no channel"));
}

TEST_F(EventMapperTest, AnInvalidChannelInTheLineIsRefusedAtItsColumn) {
  EXPECT_THAT(map(R"({"channel":"a b","data":1})"), StartsWith("column 12: channel \"a b\""));
  EXPECT_THAT(map(R"({"channel":"a/*","data":1})"), HasSubstr("pattern"));
}

TEST_F(EventMapperTest, TheChannelMayComeFromAnyFieldWithItsSlashes) {
  options_.channel_from = path(".route.to");
  EXPECT_EQ(map(R"({"route":{"to":"a\/b"},"x":1})"),
            R"({"channel":"a/b","type":"message","data":{"route":{"to":"a\/b"},"x":1}})");
  EXPECT_EQ(map(R"({"x":1})"), "column 0: no field .route.to");
}

TEST_F(EventMapperTest, TemplatesLookInTheLineAndThenInItsData) {
  channel("backtest/{run}");
  EXPECT_EQ(map(R"({"type":"t","run":"r1","data":{"run":"r2"}})"),
            R"({"channel":"backtest/r1","type":"t","data":{"run":"r2"}})");
  EXPECT_EQ(map(R"({"type":"t","data":{"run":"r2"}})"),
            R"({"channel":"backtest/r2","type":"t","data":{"run":"r2"}})");
}

TEST_F(EventMapperTest, AFeedsOwnEnvelopeIsOpenedWithDataFrom) {
  channel("market/{message.product_id}");
  options_.type_from = path(".message.type");
  options_.data_from = path(".message");
  EXPECT_EQ(
      map(R"({"received":1618677817.06,"message":{"type":"l2update","product_id":"YFI-BTC","n":[ 1]}})"),
      R"({"channel":"market/YFI-BTC","type":"l2update","data":{"type":"l2update","product_id":"YFI-BTC","n":[ 1]}})");
  EXPECT_EQ(map(R"({"message":{"type":"subscriptions"}})"), "column 0: no field .message.product_id");
}

TEST_F(EventMapperTest, TheWholeLineCanBePublishedAlthoughItLooksLikeAnEnvelope) {
  channel("c");
  options_.data_from = path(".");
  EXPECT_EQ(map(R"({"type":"t","data":1,"more":2})"),
            R"({"channel":"c","type":"t","data":{"type":"t","data":1,"more":2}})");
}

TEST_F(EventMapperTest, AGivenTypeOverridesTheEnvelopes) {
  channel("c");
  options_.type = "tick";
  EXPECT_EQ(map(R"({"type":"not valid at all","data":1})"), R"({"channel":"c","type":"tick","data":1})");
}

TEST_F(EventMapperTest, AnInvalidTypeIsRefusedAtItsColumn) {
  channel("c");
  EXPECT_THAT(map(R"({"type":"a b","data":1})"),
              AllOf(StartsWith("column 9: the type \"a b\""), HasSubstr("--type")));
  options_.type_from = path("t");
  EXPECT_THAT(map(R"({"t":{},"data":1})"), AllOf(StartsWith("column 6"), HasSubstr("an object")));
}

TEST_F(EventMapperTest, KeysAreStringsAsWrittenAndNumbersAsText) {
  channel("c");
  options_.key_from = path("k");
  EXPECT_EQ(map(R"({"k":"\u0041"})"),
            R"({"channel":"c","type":"message","key":"\u0041","data":{"k":"\u0041"}})");
  EXPECT_EQ(map(R"({"k":7})"), R"({"channel":"c","type":"message","key":"7","data":{"k":7}})");
  EXPECT_THAT(map(R"({"k":[]})"), HasSubstr("an array"));
}

TEST_F(EventMapperTest, TimesAreRfc3339OrUnixTime) {
  channel("c");
  options_.time_from = path("t");
  EXPECT_THAT(map(R"({"t":"2026-11-20T10:00:00.123456789+05:30"})"),
              HasSubstr(R"("timestamp":"2026-11-20T10:00:00.123456789+05:30")"));
  EXPECT_THAT(map(R"({"t":1618677817.061845})"), HasSubstr(R"("timestamp":"2021-04-17T16:43:37.061845Z")"));
  EXPECT_THAT(map(R"({"t":1618677817061})"), HasSubstr(R"("timestamp":"2021-04-17T16:43:37.061000Z")"));
  // F13
  EXPECT_THAT(map(R"({"t":"1545913818099033203"})"),
              HasSubstr(R"("timestamp":"2018-12-27T12:30:18.099033Z")"));
  EXPECT_THAT(map(R"({"t":"1545913818.5"})"), HasSubstr(R"("timestamp":"2018-12-27T12:30:18.500000Z")"));
  EXPECT_THAT(map(R"({"t":"2026-11-20T10:00:00"})"), HasSubstr("has no zone: add Z"));
  EXPECT_THAT(map(R"({"t":"2026-11-20"})"), HasSubstr("has no time of day and no zone"));
  EXPECT_THAT(map(R"({"t":"1.2.3"})"), HasSubstr("is not RFC 3339"));
  EXPECT_THAT(map(R"({"t":""})"), HasSubstr("is not RFC 3339"));
  EXPECT_THAT(map(R"({"t":"2026-11-20 10:00"})"), AllOf(StartsWith("column 6"), HasSubstr("RFC 3339")));
  EXPECT_THAT(map(R"({"t":1e300})"), HasSubstr("no Unix time"));
  EXPECT_THAT(map(R"({"t":true})"), HasSubstr("a boolean"));
  EXPECT_THAT(map(R"({})"), HasSubstr("no field .t"));
}

TEST_F(EventMapperTest, AnEnvelopesBadTimestampIsRefusedHereAndNotByTheServer) {
  channel("c");
  EXPECT_THAT(map(R"({"type":"t","timestamp":"yesterday","data":1})"), StartsWith("column 25"));
}

TEST_F(EventMapperTest, EveryByteOfTheLineMustBeJson) {
  channel("c");
  EXPECT_THAT(map(R"({"a":1)"), StartsWith("column 7: not JSON"));
  EXPECT_THAT(map(R"({"a":{"b":01}})"), StartsWith("column 12: not JSON"));
  EXPECT_THAT(map(R"({"type":"t","data":[1,]})"), StartsWith("column 23: not JSON"));
  EXPECT_THAT(map("{\"a\":\"\xff\"}"), StartsWith("column 7: not JSON"));
  EXPECT_THAT(map("hello"), StartsWith("column 1: not JSON"));
  EXPECT_THAT(map("{} {}"), StartsWith("column 4: not JSON"));
  EXPECT_THAT(map("\xEF\xBB\xBF{}"), StartsWith("column 1: not JSON"));
}

// U6
TEST_F(EventMapperTest, WhatIsNoJsonIsAnsweredWithWhatToType) {
  channel("c");
  EXPECT_THAT(map("hello"), HasSubstr("use --input text"));
  EXPECT_THAT(map("{"), HasSubstr("use jq -c, or --whole"));
  EXPECT_THAT(map(R"({"a": [1,)"), HasSubstr("use jq -c, or --whole"));
  EXPECT_THAT(map(R"({"a":01})"), AllOf(Not(HasSubstr("jq")), Not(HasSubstr("--input"))));
  options_.whole = true;
  EXPECT_THAT(map("{"), Not(HasSubstr("--whole")));
}

// F12
TEST_F(EventMapperTest, WhatIsNotInUtf8IsNamed) {
  channel("c");
  EXPECT_THAT(map("\x1f\x8b\x08"), HasSubstr("this is gzip, not lines: zcat FILE"));
  EXPECT_THAT(map(std::string_view("\xff\xfe{\0", 4)), HasSubstr("this is UTF-16"));
  EXPECT_THAT(map(std::string_view("\0{\0\"", 4)), HasSubstr("this is UTF-16"));
  EXPECT_THAT(map(std::string_view("\xff\xfe\0\0", 4)), HasSubstr("this is UTF-32"));
  options_.input = InputKind::kText;
  EXPECT_THAT(map("\x1f\x8b\x08"), HasSubstr("this is gzip"));
  EXPECT_THAT(map("\xfe\xff"), HasSubstr("this is UTF-16"));
  EXPECT_THAT(map("a\xff"), HasSubstr("not valid UTF-8"));
}

TEST_F(EventMapperTest, LinesOfTextBecomeJsonStrings) {
  channel("log/app");
  options_.input = InputKind::kText;
  EXPECT_EQ(map("plain \"quoted\" \\ \t caf\xC3\xA9"),
            "{\"channel\":\"log/app\",\"type\":\"message\",\"data\":\"plain \\\"quoted\\\" \\\\ \\t "
            "caf\xC3\xA9\"}");
  EXPECT_EQ(map(""), R"({"channel":"log/app","type":"message","data":""})");
  EXPECT_EQ(map("dos\r"), R"({"channel":"log/app","type":"message","data":"dos"})");
  EXPECT_EQ(map("ab\xff"), "column 3: not valid UTF-8");
}

TEST_F(EventMapperTest, TheTurnOfALineInARecordingIsTheTimeAtAPath) {
  channel("c");
  options_.replay_by = path(".at");
  EventMapper mapper(options_);
  const protocol::SystemMicros expected{std::chrono::seconds(1'600'000'000)};
  for (const char* line : {R"({"at":"2020-09-13T12:26:40Z"})", R"({"at":1600000000000})",
                           R"({"type":"t","data":{"at":1600000000}})"}) {
    ASSERT_TRUE(mapper.map(line)) << line;
    EXPECT_EQ(mapper.replay_time(), expected) << line;
  }
}

TEST_F(EventMapperTest, ALineOfARecordingWithoutATimeIsInvalid) {
  channel("c");
  options_.replay_by = path(".at");
  EXPECT_THAT(map(R"({"time":1})"), AllOf(StartsWith("column 0: no field .at; "), HasSubstr("--on-invalid")));
  EXPECT_THAT(map(R"({"at":"noon"})"), StartsWith("column 7: the time \"noon\" is not RFC 3339"));
  EXPECT_THAT(map(R"({"at":null})"), StartsWith("column 7: the time is null"));
}

}  // namespace
}  // namespace wskit::pub
