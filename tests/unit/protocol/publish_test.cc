// The publish command (command.h): one event, or a batch of them.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "command_fixture.h"
#include "common/protocol/command.h"

namespace wskit::protocol {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class PublishTest : public CommandFixture {
 protected:
  // A publish of one event with these fields, besides a channel and data unless
  // they are among them.
  static std::string with(std::string_view fields) {
    std::string text = R"({"action":"publish",)" + std::string(fields);
    if (fields.find("\"channel\"") == std::string_view::npos) text += R"(,"channel":"a")";
    if (fields.find("\"data\"") == std::string_view::npos) text += R"(,"data":1)";
    return text + "}";
  }

  PublishEvent event(std::string_view fields) {
    const Command& command = accept(with(fields));
    EXPECT_EQ(command.publish.size(), 1U);
    return command.publish.empty() ? PublishEvent() : command.publish[0];
  }

  std::string refusal(std::string_view text) {
    const CommandError refused = refuse(text);
    return std::string(to_string(refused.error.code)) + ": " + refused.error.message;
  }
};

TEST_F(PublishTest, AnEventIsCutIntoItsParts) {
  const Command& command = accept(
      R"({"action":"publish","id":7,"channel":"market/AAPL","type":"trade","timestamp":"2026-11-20T10:00:00+01:00",)"
      R"("key":"AAPL","dedup":"p-1:7","data":{"price":150.250,"n":[1,2]}})");
  EXPECT_EQ(command.action, Action::kPublish);
  EXPECT_EQ(command.id, "7");
  EXPECT_FALSE(command.batch);
  ASSERT_EQ(command.publish.size(), 1U);
  EXPECT_EQ(command.publish[0].channel, "market/AAPL");
  EXPECT_EQ(command.publish[0].type, "trade");
  EXPECT_EQ(command.publish[0].timestamp, "2026-11-20T10:00:00+01:00");
  EXPECT_EQ(command.publish[0].key, R"("AAPL")");
  EXPECT_EQ(command.publish[0].dedup, R"("p-1:7")");
  EXPECT_EQ(command.publish[0].data, R"({"price":150.250,"n":[1,2]})");
}

TEST_F(PublishTest, WhatIsLeftOutIsEmptyAndTheTypeIsMessage) {
  const PublishEvent published = event(R"("channel":"a","data":null)");
  EXPECT_EQ(published.type, "message");
  EXPECT_EQ(published.timestamp, "");
  EXPECT_EQ(published.key, "");
  EXPECT_EQ(published.dedup, "");
  EXPECT_EQ(published.data, "null");
}

TEST_F(PublishTest, DataIsAnyJsonAsItIsWritten) {
  for (const std::string_view data :
       {"null", "0", "-0.0", "1e999", "123456789012345678901234567890", R"("\ud800")", R"("\u0061")", "[]",
        "{ }", R"({"b":1,"a":2,"b":3})", "[1 , 2]", "true"}) {
    EXPECT_EQ(event(R"("data": )" + std::string(data) + " ").data, data);
  }
}

TEST_F(PublishTest, DataIsNeeded) {
  EXPECT_THAT(refusal(R"({"action":"publish","channel":"a"})"), StartsWith("BAD_EVENT: \"data\" is missing"));
}

TEST_F(PublishTest, AChannelIsNeeded) {
  EXPECT_THAT(refusal(R"({"action":"publish","data":1})"), StartsWith("BAD_EVENT: \"channel\" is missing"));
  EXPECT_THAT(refusal(with(R"("channel":5)")), StartsWith("BAD_EVENT: \"channel\" must be a string"));
  EXPECT_THAT(refusal(with(R"("channel":["a"])")), StartsWith("BAD_EVENT: \"channel\" must be a string"));
}

TEST_F(PublishTest, TheChannelIsAName) {
  EXPECT_EQ(event(R"("channel":"market\/b\u00f8rs")").channel, "market/børs");
  EXPECT_THAT(refusal(with(R"("channel":"")")), StartsWith("BAD_CHANNEL: channel \"\""));
  EXPECT_THAT(refusal(with(R"("channel":"a b")")), StartsWith("BAD_CHANNEL: channel \"a b\""));
  EXPECT_THAT(refusal(with(R"("channel":"a\u0000b")")), StartsWith("BAD_CHANNEL: channel \"a\\u0000b\""));
}

TEST_F(PublishTest, NobodyPublishesToAPattern) {
  for (const std::string_view channel : {"market/*", "**", "a*"}) {
    const CommandError refused = refuse(with("\"channel\":\"" + std::string(channel) + "\""));
    EXPECT_EQ(refused.error.code, ErrorCode::kBadChannel);
    EXPECT_THAT(refused.error.message, HasSubstr("patterns select channels"));
    EXPECT_EQ(nlohmann::json::parse(refused.error.details).at("channel"), channel);
  }
  EXPECT_THAT(refusal(with(R"("channel":"a\/\u002a")")), HasSubstr("patterns select channels"));
}

TEST_F(PublishTest, NobodyPublishesIntoTheServersSpace) {
  for (const std::string_view channel : {"@all", "@user/ann", "@", "@user/*", "\\u0040all"}) {
    EXPECT_THAT(refusal(with("\"channel\":\"" + std::string(channel) + "\"")),
                ::testing::AllOf(StartsWith("FORBIDDEN"), HasSubstr("the server's own")));
  }
}

TEST_F(PublishTest, TheTypeObeysItsRule) {
  EXPECT_EQ(event(R"("type":"tr\u0061de")").type, "trade");
  EXPECT_EQ(event("\"type\":\"" + std::string(64, 'x') + "\"").type.size(), 64U);
  EXPECT_THAT(refusal(with("\"type\":\"" + std::string(65, 'x') + "\"")), StartsWith("BAD_EVENT: the type"));
  EXPECT_THAT(refusal(with(R"("type":"")")), StartsWith("BAD_EVENT: the type \"\" is not valid"));
  EXPECT_THAT(refusal(with(R"("type":"a b")")), StartsWith("BAD_EVENT: the type \"a b\""));
  EXPECT_THAT(refusal(with(R"("type":null)")), StartsWith("BAD_EVENT: \"type\" must be a string"));
}

TEST_F(PublishTest, TheTimestampIsRfc3339) {
  EXPECT_EQ(event(R"("timestamp":"2026-11-20T10:00:00\u005a")").timestamp, "2026-11-20T10:00:00Z");
  EXPECT_THAT(refusal(with(R"("timestamp":"yesterday")")),
              StartsWith("BAD_EVENT: the timestamp \"yesterday\""));
  EXPECT_THAT(refusal(with(R"("timestamp":"2026-02-29T00:00:00Z")")), HasSubstr("the month does not have"));
  EXPECT_THAT(refusal(with(R"("timestamp":1795168800)")),
              StartsWith("BAD_EVENT: \"timestamp\" must be a string"));
  EXPECT_THAT(refusal(with(R"("timestamp":"")")), StartsWith("BAD_EVENT"));
}

TEST_F(PublishTest, KeyAndDedupAreShortStrings) {
  for (const std::string field : {"key", "dedup"}) {
    const auto value = [&field](std::string_view text) { return "\"" + field + "\":" + std::string(text); };
    accept(with(value("\"" + std::string(128, 'x') + "\"")));
    EXPECT_THAT(refusal(with(value("\"" + std::string(129, 'x') + "\""))),
                StartsWith("BAD_EVENT: \"" + field + "\" must have 1 to 128 bytes"));
    EXPECT_THAT(refusal(with(value(R"("")"))), StartsWith("BAD_EVENT: \"" + field + "\" must have 1 to 128"));
    EXPECT_THAT(refusal(with(value("5"))), StartsWith("BAD_EVENT: \"" + field + "\" must be a string"));
    EXPECT_THAT(refusal(with(value(R"("\ud800")"))), HasSubstr("half a surrogate pair"));
    std::string escaped;
    for (int i = 0; i < 128; ++i) escaped += "\\u0041";
    accept(with(value("\"" + escaped + "\"")));
  }
}

TEST_F(PublishTest, EqualKeysAreEqualBytesHoweverTheyAreWritten) {
  EXPECT_EQ(event(R"("key":"\u0041\/b\u00e9")").key, R"("A/bé")");
  EXPECT_EQ(event(R"("key":"\u000a\u0022\u005c\u0001")").key, R"("\n\"\\\u0001")");
  const PublishEvent published = event(R"("key":"\u0041","dedup":"\u0042")");
  EXPECT_EQ(published.key, R"("A")");
  EXPECT_EQ(published.dedup, R"("B")");
}

TEST_F(PublishTest, RewrittenKeysOfABatchStayWhereTheyAreInOneBatchAfterTheOther) {
  std::string text = R"({"action":"publish","events":[)";
  for (int i = 0; i < 100; ++i) {
    text += fmt::format(R"({}{{"channel":"a","key":"\u006b{}","dedup":"\u0064{}","data":0}})",
                        i > 0 ? "," : "", i, i);
  }
  text += "]}";
  for (int round = 0; round < 20; ++round) {
    const Command& command = accept(text);
    ASSERT_EQ(command.publish.size(), 100U);
    for (std::size_t i = 0; i < 100; ++i) {
      EXPECT_EQ(command.publish[i].key, fmt::format(R"("k{}")", i));
      EXPECT_EQ(command.publish[i].dedup, fmt::format(R"("d{}")", i));
    }
  }
}

TEST_F(PublishTest, AProducersEventsHaveSequences) {
  const Command& command = accept(R"({"action":"publish","producer":"p\u0041","events":[)"
                                  R"({"channel":"a","sequence":0,"data":1},)"
                                  R"({"channel":"b","sequence":9223372036854775807,"data":1}]})");
  EXPECT_EQ(command.producer, "pA");
  ASSERT_EQ(command.publish.size(), 2U);
  EXPECT_EQ(command.publish[0].sequence, 0);
  EXPECT_EQ(command.publish[1].sequence, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(event(R"("producer":"p","sequence":7)").sequence, 7);
  EXPECT_EQ(event(R"("dedup":"d")").sequence, kNoSequence);
}

TEST_F(PublishTest, AProducerHas1To64Characters) {
  std::string longest;
  for (std::size_t i = 0; i < kMaxProducerCharacters; ++i) longest += "é";
  EXPECT_EQ(accept(with(R"("sequence":1,"producer":")" + longest + '"')).producer, longest);
  EXPECT_THAT(refusal(with(R"("sequence":1,"producer":"x)" + longest + '"')),
              StartsWith("BAD_COMMAND: \"producer\" has 65 characters; it must have 1 to 64"));
  EXPECT_THAT(refusal(with(R"("sequence":1,"producer":"")")), StartsWith("BAD_COMMAND: \"producer\" has 0"));
  EXPECT_THAT(refusal(with(R"("sequence":1,"producer":7)")),
              StartsWith("BAD_COMMAND: \"producer\" must be a string"));
}

TEST_F(PublishTest, ASequenceIsAnInteger) {
  for (const std::string bad :
       {"-1", "-0", "1.0", "1e3", "\"1\"", "null", "true", "9223372036854775808", "[1]"}) {
    EXPECT_THAT(refusal(with(R"("producer":"p","sequence":)" + bad)),
                StartsWith("BAD_EVENT: \"sequence\" must be an integer from 0 to 9223372036854775807"))
        << bad;
  }
}

TEST_F(PublishTest, AProducerAndSequencesGoTogetherAndWithoutDedup) {
  EXPECT_THAT(refusal(with(R"("producer":"p")")), StartsWith("BAD_EVENT: \"sequence\" is missing"));
  EXPECT_THAT(refusal(with(R"("sequence":1)")), StartsWith("BAD_EVENT: \"sequence\" needs a \"producer\""));
  EXPECT_THAT(refusal(with(R"("producer":"p","sequence":1,"dedup":"d")")),
              StartsWith("BAD_EVENT: \"dedup\" and \"sequence\" exclude each other"));
  EXPECT_THAT(refusal(with(R"("producer":"p","dedup":"d")")),
              StartsWith("BAD_EVENT: \"sequence\" is missing"));
  EXPECT_THAT(
      refusal(R"({"action":"publish","producer":"p","sequence":1,"events":[{"channel":"a","data":1}]})"),
      StartsWith("BAD_COMMAND: \"sequence\" and \"events\" exclude each other"));
  const CommandError refused = refuse(R"({"action":"publish","producer":"p","events":[)"
                                      R"({"channel":"a","sequence":1,"data":1},{"channel":"a","data":1}]})");
  EXPECT_EQ(refused.error.code, ErrorCode::kBadEvent);
  EXPECT_THAT(refused.error.details, HasSubstr(R"("index":1)"));
  EXPECT_THAT(
      refusal(R"({"action":"publish","events":[{"channel":"a","producer":"p","sequence":1,"data":1}]})"),
      HasSubstr("\"producer\" stands beside \"events\""));
}

TEST_F(PublishTest, ABatchKeepsItsOrder) {
  const Command& command = accept(
      R"({"action":"publish","id":"b","events":[{"channel":"a","type":"t","data":1},{"data":{"x":[]},"channel":"b\/c"},)"
      R"({"channel":"a","data":"3","key":"k"}]})");
  EXPECT_TRUE(command.batch);
  EXPECT_FALSE(command.event_types);
  ASSERT_EQ(command.publish.size(), 3U);
  EXPECT_EQ(command.publish[0].type, "t");
  EXPECT_EQ(command.publish[0].data, "1");
  EXPECT_EQ(command.publish[1].channel, "b/c");
  EXPECT_EQ(command.publish[1].type, "message");
  EXPECT_EQ(command.publish[1].data, R"({"x":[]})");
  EXPECT_EQ(command.publish[2].key, R"("k")");
}

TEST_F(PublishTest, ABatchOfOneIsABatch) {
  const Command& command = accept(R"({"action":"publish","events":[{"channel":"a","data":1}]})");
  EXPECT_TRUE(command.batch);
  EXPECT_EQ(command.publish.size(), 1U);
}

TEST_F(PublishTest, OneBadEventRefusesTheBatchAndIsCounted) {
  const auto refused = [this](std::string_view bad) {
    const CommandError error =
        refuse(R"({"action":"publish","id":1,"events":[{"channel":"a","data":1},)" + std::string(bad) + "]}");
    EXPECT_EQ(nlohmann::json::parse(error.error.details).at("index"), 1);
    EXPECT_THAT(error.error.message, StartsWith("event 1 of the batch: "));
    EXPECT_EQ(error.id, "1");
    return error.error.code;
  };
  EXPECT_EQ(refused(R"({"channel":"a"})"), ErrorCode::kBadEvent);
  EXPECT_EQ(refused(R"({"data":1})"), ErrorCode::kBadEvent);
  EXPECT_EQ(refused(R"({"channel":"a/*","data":1})"), ErrorCode::kBadChannel);
  EXPECT_EQ(refused(R"({"channel":"a","type":"","data":1})"), ErrorCode::kBadEvent);
  EXPECT_EQ(refused(R"({"channel":"a","data":1,"data":2})"), ErrorCode::kBadCommand);
  EXPECT_EQ(refused(R"("a")"), ErrorCode::kBadEvent);
  EXPECT_EQ(refused("null"), ErrorCode::kBadEvent);
  EXPECT_EQ(refused("[]"), ErrorCode::kBadEvent);
}

TEST_F(PublishTest, TheDetailsOfABatchNameTheChannelAsWell) {
  const CommandError refused = refuse(R"({"action":"publish","events":[{"channel":"a b","data":1}]})");
  EXPECT_EQ(refused.error.details, R"({"index":0,"channel":"a b","position":1})");
}

TEST_F(PublishTest, ABatchHasTheRightShape) {
  EXPECT_THAT(refusal(R"({"action":"publish","events":[]})"), StartsWith("BAD_COMMAND: \"events\" is empty"));
  EXPECT_THAT(refusal(R"({"action":"publish","events":{"channel":"a","data":1}})"),
              StartsWith("BAD_COMMAND: \"events\" must be an array"));
  EXPECT_THAT(refusal(R"({"action":"publish","events":null})"),
              StartsWith("BAD_COMMAND: \"events\" must be an array"));
}

TEST_F(PublishTest, AnEventStandsEitherInTheCommandOrInItsBatch) {
  for (const std::string_view field : {R"("channel":"a")", R"("type":"t")", R"("data":1)", R"("key":"k")",
                                       R"("dedup":"d")", R"("timestamp":"2026-11-20T10:00:00Z")"}) {
    EXPECT_THAT(
        refusal(R"({"action":"publish",)" + std::string(field) + R"(,"events":[{"channel":"a","data":1}]})"),
        HasSubstr("exclude each other"));
  }
}

TEST_F(PublishTest, ABatchIsBounded) {
  std::string text = R"({"action":"publish","events":[{"channel":"a","data":1})";
  for (int i = 1; i < 10'000; ++i) text += R"(,{"channel":"a","data":1})";
  EXPECT_EQ(accept(text + "]}").publish.size(), 10'000U);
  EXPECT_THAT(refusal(text + R"(,{"channel":"a","data":1}]})"),
              StartsWith("TOO_LARGE: \"events\" holds more than 10000"));
  EXPECT_THAT(refusal(text + R"(,{"channel":"a","data":01}]})"), StartsWith("BAD_JSON"));
  accept(R"({"action":"publish","events":[{"channel":"a","data":1}]})");
}

}  // namespace
}  // namespace wskit::protocol
