#include "common/protocol/command.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "command_fixture.h"

namespace wskit::protocol {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

class CommandTest : public CommandFixture {
 protected:
  // "CODE: message".
  std::string refusal(std::string_view text) {
    const CommandError refused = refuse(text);
    return std::string(to_string(refused.error.code)) + ": " + refused.error.message;
  }
};

TEST_F(CommandTest, EachActionHasItsName) {
  EXPECT_EQ(accept(R"({"action":"auth","token":"x"})").action, Action::kAuth);
  EXPECT_EQ(accept(R"({"action":"subscribe"})").action, Action::kSubscribe);
  EXPECT_EQ(accept(R"({"action":"unsubscribe","channels":["a"]})").action, Action::kUnsubscribe);
  EXPECT_EQ(accept(R"({"action":"publish","channel":"a","data":1})").action, Action::kPublish);
  EXPECT_EQ(accept(R"({"action":"history","channel":"a"})").action, Action::kHistory);
  EXPECT_EQ(accept(R"({"action":"presence","channel":"a"})").action, Action::kPresence);
  EXPECT_EQ(accept(R"({"action":"ping"})").action, Action::kPing);
  EXPECT_EQ(accept(R"({"action":"stats"})").action, Action::kStats);
}

TEST_F(CommandTest, APingMayBeWrittenAsAType) {
  EXPECT_EQ(accept(R"({"type":"ping"})").action, Action::kPing);
  EXPECT_EQ(accept(R"({"id":1,"type":"ping","timestamp":5})").timestamp, "5");
  EXPECT_THAT(refusal(R"({"type":"subscribe"})"), HasSubstr("\"action\" is missing"));
  EXPECT_THAT(refusal(R"({"action":"stats","type":"ping"})"), HasSubstr("stats has no member \"type\""));
  EXPECT_EQ(accept(R"({"type":"p\u0069ng"})").action, Action::kPing);
}

// S7: whoever sends a member means something by it.
TEST_F(CommandTest, AMemberThatTheActionDoesNotHaveIsRefusedByName) {
  EXPECT_EQ(
      refusal(R"({"action":"history","channel":"a","limt":5})"),
      "BAD_COMMAND: history has no member \"limt\" (did you mean \"limit\"?); there are action, id, channel, "
      "since, limit");
  for (const std::string_view text : {
           R"({"action":"subscribe","channels":["a"],"recieved":true})",
           R"({"action":"subscribe","channels":["a"],"limit":5})",
           R"({"action":"unsubscribe","channels":["a"],"since":"start"})",
           R"({"action":"publish","channel":"a","data":1,"dedupe":"x"})",
           R"({"action":"publish","channel":"a","data":1,"token":"x"})",
           R"({"action":"publish","events":[{"channel":"a","data":1}],"tags":{}})",
           R"({"action":"history","channel":"a","events":["t"]})",
           R"({"action":"presence","channel":"a","limit":5})",
           R"({"action":"ping","data":1})",
           R"({"type":"ping","":1})",
           R"({"action":"stats","channel":"a"})",
           R"({"action":"auth","token":"x","user":"ann"})",
       }) {
    EXPECT_THAT(refusal(text), HasSubstr("has no member \"")) << text;
    EXPECT_THAT(refusal(text), HasSubstr("BAD_COMMAND: ")) << text;
  }
  const CommandError refused = refuse(
      R"({"action":"publish","id":7,"events":[{"channel":"a","data":1},{"channel":"a","data":1,"offset":3}]})");
  EXPECT_THAT(refused.error.message, HasSubstr("an event of a batch has no member \"offset\""));
  EXPECT_EQ(refused.error.details, R"({"index":1})");
  EXPECT_EQ(refused.id, "7");
}

TEST_F(CommandTest, AnUnknownActionIsAnsweredWithTheKnownOnes) {
  EXPECT_EQ(refusal(R"({"action":"subscrbe"})"),
            "BAD_COMMAND: unknown action \"subscrbe\" (did you mean \"subscribe\"?); the actions are auth, "
            "subscribe, "
            "unsubscribe, publish, history, presence, ping, stats");
  EXPECT_THAT(refusal(R"({"action":"join"})"), HasSubstr("unknown action \"join\"; the actions are auth,"));
  EXPECT_THAT(refusal(R"({"action":""})"), HasSubstr("unknown action \"\""));
  EXPECT_THAT(refusal(R"({"action":"Publish"})"), HasSubstr("did you mean \"publish\"?"));
  EXPECT_THAT(refusal(R"({"action":5})"), HasSubstr("BAD_COMMAND: \"action\" must be a string"));
  EXPECT_THAT(refusal("{}"), HasSubstr("BAD_COMMAND: the field \"action\" is missing; the actions are auth"));
}

TEST_F(CommandTest, TheActionMayBeWrittenWithEscapes) {
  EXPECT_EQ(accept(R"({"\u0061ction":"p\u0069ng"})").action, Action::kPing);
  EXPECT_THAT(refusal(R"({"\u0061ction":"ping","action":"ping"})"),
              HasSubstr("\"action\" stands there twice"));
}

TEST_F(CommandTest, ACommandIsAnObject) {
  for (const std::string_view text : {"[]", "1", "\"ping\"", "null", "true", " [1] "}) {
    EXPECT_THAT(refusal(text), HasSubstr("BAD_COMMAND: a command is a JSON object")) << text;
  }
}

TEST_F(CommandTest, WhatIsNoJsonIsRefusedWithTheByte) {
  const auto position = [this](std::string_view text) {
    const CommandError refused = refuse(text);
    EXPECT_EQ(refused.error.code, ErrorCode::kBadJson) << text;
    return nlohmann::json::parse(refused.error.details).at("position").get<long>();
  };
  EXPECT_EQ(position(""), 0);
  EXPECT_EQ(position("   "), 3);
  EXPECT_EQ(position("hello"), 0);
  EXPECT_EQ(position("{"), 1);
  EXPECT_EQ(position(R"({"action":"ping"} x)"), 18);
  EXPECT_EQ(position(R"({"action":"ping",})"), 17);
  EXPECT_EQ(position(R"({"action":"publish","data":{"x":01}})"), 33);
  EXPECT_EQ(position(R"({"unknown":[tru]})"), 15);
  EXPECT_EQ(position("{\"action\":\"\xFF\"}"), 11);
  EXPECT_EQ(position(R"({"action":"publish","events":[{"data":1},{"data":}]})"), 49);
  EXPECT_EQ(position("[1,2"), 4);
}

TEST_F(CommandTest, InvalidJsonIsRefusedBeforeAnythingElseIsWrong) {
  EXPECT_THAT(refusal(R"({"action":"nonsense","x":1e})"), HasSubstr("BAD_JSON"));
  EXPECT_THAT(refusal(R"({"id":null,"id":2,"x":})"), HasSubstr("BAD_JSON"));
}

TEST_F(CommandTest, AnEmptyMessageIsNamed) {
  EXPECT_THAT(refusal(""), HasSubstr("BAD_JSON: the message is empty"));
}

TEST_F(CommandTest, EveryTextThatIsCutOffIsRefused) {
  const std::string text = R"({"action":"publish","id":7,"channel":"a/b","data":{"x":[1,"y"]}})";
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(refuse(text.substr(0, size)).error.code, ErrorCode::kBadJson) << size;
  }
}

TEST_F(CommandTest, TooDeepNestingIsNamed) {
  const std::string deep = std::string(600, '[') + std::string(600, ']');
  EXPECT_THAT(refusal(R"({"action":"publish","channel":"a","data":)" + deep + "}"), HasSubstr("512 deep"));
}

TEST_F(CommandTest, TheIdIsKeptAsItIsWritten) {
  for (const std::string_view id :
       {"7", "-1.50", "18446744073709551616", R"("a")", R"("\u0041\n")", R"("")", "0"}) {
    EXPECT_EQ(accept(R"({"action":"ping","id":)" + std::string(id) + "}").id, id);
  }
  EXPECT_EQ(accept(R"({"action":"ping"})").id, "");
}

TEST_F(CommandTest, AnIdIsAStringOrANumberOfBoundedLength) {
  for (const std::string_view id : {"null", "true", "[1]", "{}"}) {
    const CommandError refused = refuse(R"({"action":"ping","id":)" + std::string(id) + "}");
    EXPECT_THAT(refused.error.message, HasSubstr("\"id\" must be a string or a number"));
    EXPECT_EQ(refused.id, "");
  }
  EXPECT_EQ(accept(R"({"action":"ping","id":)" + std::string(256, '1') + "}").id.size(), 256U);
  EXPECT_THAT(refusal(R"({"action":"ping","id":)" + std::string(257, '1') + "}"),
              HasSubstr("\"id\" has 257 bytes"));
}

TEST_F(CommandTest, ARefusalRepeatsTheIdWhereItCouldBeRead) {
  EXPECT_EQ(refuse(R"({"action":"x","id":"a\n"})").id, R"("a\n")");
  EXPECT_EQ(refuse(R"({"id":7,"action":"publish","channel":"a b","data":1})").id, "7");
  EXPECT_EQ(refuse(R"({"id":7,"action":"publish","data":01})").id, "7");
  EXPECT_EQ(refuse(R"({"action":"publish","data":01,"id":7})").id, "") << "the id stands behind the fault";
  EXPECT_EQ(refuse("7").id, "");
}

TEST_F(CommandTest, TheFirstUnknownMemberIsNamedWhateverItsBytes) {
  EXPECT_THAT(refusal(R"({"action":"ping","x":{"action":1},"y":[],"x":null})"), HasSubstr("member \"x\""));
  EXPECT_THAT(refusal(R"({"\ud800":2,"a\\ction":1,"action":"ping"})"), HasSubstr(R"(member "\\ud800")"));
}

TEST_F(CommandTest, AKnownFieldStandsThereOnce) {
  for (const std::string_view field :
       {"id", "type", "channel", "channels", "events", "data", "timestamp", "key", "dedup", "since",
        "max_rate", "conflate", "filter", "matched", "limit", "token", "producer", "sequence"}) {
    const std::string twice = fmt::format(R"("{}":1,"{}":2)", field, field);
    EXPECT_THAT(refusal(R"({"action":"ping",)" + twice + "}"),
                HasSubstr(fmt::format(R"(BAD_COMMAND: the field "{}" stands there twice)", field)));
  }
  EXPECT_THAT(refusal(R"({"action":"ping","action":"ping"})"), HasSubstr("\"action\" stands there twice"));
  EXPECT_THAT(refusal(R"({"action":"subscribe","events":[],"events":["a"]})"),
              HasSubstr("\"events\" stands there twice"));
}

TEST_F(CommandTest, SubscribeTakesNamesAndPatterns) {
  const Command& command =
      accept(R"({"action":"subscribe","channels":["market/*","news","@user/ann","a/**"]})");
  EXPECT_THAT(command.channels, Optional(ElementsAre("market/*", "news", "@user/ann", "a/**")));
  EXPECT_FALSE(command.event_types);
}

TEST_F(CommandTest, SubscribeWithoutChannelsMeansTheServersOwnChoice) {
  EXPECT_FALSE(accept(R"({"action":"subscribe"})").channels);
  EXPECT_FALSE(accept(R"({"action":"subscribe","events":["trade"]})").channels);
}

TEST_F(CommandTest, OneChannelNeedsNoArray) {
  EXPECT_THAT(accept(R"({"action":"subscribe","channels":"news"})").channels, Optional(ElementsAre("news")));
  EXPECT_THAT(accept(R"({"action":"subscribe","channel":"news"})").channels, Optional(ElementsAre("news")));
  EXPECT_THAT(refusal(R"({"action":"subscribe","channel":"a","channels":["b"]})"),
              HasSubstr("exclude each other"));
}

TEST_F(CommandTest, ChannelsWrittenWithEscapesAreDecoded) {
  const Command& command =
      accept(R"({"action":"subscribe","channels":["m\u0061rket\/AAPL","b\u00f8rs","pl\/\u002a","x"]})");
  EXPECT_THAT(command.channels, Optional(ElementsAre("market/AAPL", "børs", "pl/*", "x")));
  EXPECT_THAT(refusal(R"({"action":"subscribe","channels":["a\u0020b"]})"), HasSubstr("BAD_CHANNEL"));
  EXPECT_THAT(refusal(R"({"action":"subscribe","channels":["\ud800"]})"), HasSubstr("half a surrogate pair"));
}

TEST_F(CommandTest, ManyDecodedChannelsStayWhereTheyAre) {
  std::string text = R"({"action":"subscribe","channels":[)";
  for (int i = 0; i < 1'000; ++i)
    text += (i > 0 ? ",\"" : "\"") + std::string("channel\\/") + std::to_string(i) + "\"";
  const Command& command = accept(text + "]}");
  ASSERT_TRUE(command.channels);
  for (std::size_t i = 0; i < 1'000; ++i) EXPECT_EQ(command.channels->at(i), "channel/" + std::to_string(i));
}

TEST_F(CommandTest, DecodedTextsOfManyCommandsDoNotGetInEachOthersWay) {
  for (int i = 0; i < 100; ++i) {
    const Command& command = accept(fmt::format(
        R"({{"action":"subscribe","channels":["a\/{}","b\/{}"],"events":["\u0074{}"]}})", i, i, i));
    EXPECT_THAT(command.channels, Optional(ElementsAre(fmt::format("a/{}", i), fmt::format("b/{}", i))));
    EXPECT_THAT(command.event_types, Optional(ElementsAre(fmt::format("t{}", i))));
  }
}

TEST_F(CommandTest, AChannelThatIsNoneIsNamedInTheDetails) {
  const CommandError refused = refuse(R"({"action":"subscribe","id":1,"channels":["ok","a//b"]})");
  EXPECT_EQ(refused.error.code, ErrorCode::kBadChannel);
  EXPECT_EQ(nlohmann::json::parse(refused.error.details).at("channel"), "a//b");
  EXPECT_THAT(refusal(R"({"action":"subscribe","channels":["a/**/b"]})"), HasSubstr("BAD_CHANNEL: pattern"));
  EXPECT_THAT(refusal(R"({"action":"subscribe","channels":[""]})"), HasSubstr("BAD_CHANNEL"));
}

TEST_F(CommandTest, ChannelsHaveTheRightShape) {
  EXPECT_THAT(refusal(R"({"action":"subscribe","channels":[]})"),
              HasSubstr("BAD_COMMAND: \"channels\" is empty"));
  EXPECT_THAT(refusal(R"({"action":"subscribe","channels":5})"),
              HasSubstr("BAD_COMMAND: \"channels\" must be an array"));
  EXPECT_THAT(refusal(R"({"action":"subscribe","channels":null})"), HasSubstr("must be an array"));
  EXPECT_THAT(refusal(R"({"action":"subscribe","channels":{}})"), HasSubstr("must be an array"));
  EXPECT_THAT(refusal(R"({"action":"subscribe","channels":["a",5]})"),
              HasSubstr("BAD_CHANNEL: each of \"channels\" must be a string"));
  EXPECT_THAT(refusal(R"({"action":"subscribe","channels":[["a"]]})"),
              HasSubstr("BAD_CHANNEL: each of \"channels\" must be a string"));
}

TEST_F(CommandTest, ATooLongListOfChannelsIsRefused) {
  std::string text = R"({"action":"subscribe","channels":["a")";
  for (int i = 1; i < 10'000; ++i) text += ",\"a\"";
  EXPECT_EQ(accept(text + "]}").channels->size(), 10'000U);
  EXPECT_THAT(refusal(text + ",\"a\"]}"), HasSubstr("TOO_MANY_CHANNELS: \"channels\" holds more than 10000"));
}

TEST_F(CommandTest, EventsOfASubscriptionAreTypes) {
  EXPECT_THAT(accept(R"({"action":"subscribe","events":["trade","tr\u0061ce"]})").event_types,
              Optional(ElementsAre("trade", "trace")));
  EXPECT_THAT(accept(R"({"action":"subscribe","events":"trade"})").event_types,
              Optional(ElementsAre("trade")));
  EXPECT_THAT(refusal(R"({"action":"subscribe","events":[]})"),
              HasSubstr("BAD_COMMAND: \"events\" is empty"));
  EXPECT_THAT(refusal(R"({"action":"subscribe","events":[ ]})"),
              HasSubstr("BAD_COMMAND: \"events\" is empty"));
  EXPECT_THAT(refusal(R"({"action":"subscribe","events":7})"), HasSubstr("\"events\" must be an array"));
  EXPECT_THAT(refusal(R"({"action":"subscribe","events":[7]})"), HasSubstr("\"events\" must be a string"));
  EXPECT_THAT(refusal(R"({"action":"subscribe","events":[{"channel":"a","data":1}]})"),
              HasSubstr("must be a string"));
  EXPECT_THAT(refusal(R"({"action":"subscribe","events":["a b"]})"),
              HasSubstr("\"a b\" in \"events\" is no event type"));
}

TEST_F(CommandTest, ASubscriptionSaysWhereItBeginsAndHowFast) {
  const Command& command = accept(
      R"({"action":"subscribe","channels":["a"],"since":{"offset":5,"epoch":"e"},"max_rate":1.5,"conflate":true,)"
      R"("filter":".price > 1","matched":true})");
  EXPECT_EQ(command.since, Since(Position{.offset = 5, .epoch = "e"}));
  EXPECT_EQ(command.max_rate, 1.5);
  EXPECT_EQ(command.conflate, true);
  EXPECT_EQ(command.filter, R"(".price > 1")");
  EXPECT_TRUE(command.matched);
  EXPECT_THAT(refusal(R"({"action":"subscribe","max_rate":"1"})"), HasSubstr("max_rate is a number"));
  EXPECT_THAT(refusal(R"({"action":"subscribe","max_rate":1e999})"), HasSubstr("max_rate is a number"));
  EXPECT_THAT(refusal(R"({"action":"subscribe","conflate":1})"),
              HasSubstr("conflate is true or false, not \"1\""));
  EXPECT_THAT(refusal(R"({"action":"subscribe","matched":null})"), HasSubstr("matched is true or false"));
  EXPECT_THAT(refusal(R"({"action":"subscribe","since":[]})"), HasSubstr("the position must be an object"));
}

TEST_F(CommandTest, UnsubscribeSaysWhatToLeave) {
  EXPECT_THAT(accept(R"({"action":"unsubscribe","channels":["a","b/*"]})").channels,
              Optional(ElementsAre("a", "b/*")));
  EXPECT_THAT(accept(R"({"action":"unsubscribe","events":["trade"]})").event_types,
              Optional(ElementsAre("trade")));
  EXPECT_THAT(refusal(R"({"action":"unsubscribe"})"), HasSubstr("BAD_COMMAND: unsubscribe needs"));
  EXPECT_THAT(refusal(R"({"action":"unsubscribe","channels":[]})"), HasSubstr("\"channels\" is empty"));
}

TEST_F(CommandTest, AuthNeedsAToken) {
  EXPECT_EQ(accept(R"({"action":"auth","token":"a.b.c"})").token, "a.b.c");
  EXPECT_EQ(accept(R"({"action":"auth","token":"a\/b"})").token, "a/b");
  EXPECT_THAT(refusal(R"({"action":"auth"})"), HasSubstr("BAD_COMMAND: auth needs a \"token\""));
  EXPECT_THAT(refusal(R"({"action":"auth","token":5})"), HasSubstr("\"token\" must be a string"));
  EXPECT_THAT(refusal(R"({"action":"auth","token":""})"), HasSubstr("auth needs a \"token\""));
}

TEST_F(CommandTest, HistoryAndPresenceNeedOneChannel) {
  const Command& history = accept(R"({"action":"history","channel":"a/b","since":"start","limit":10})");
  EXPECT_THAT(history.channels, Optional(ElementsAre("a/b")));
  EXPECT_EQ(history.since, Since(FromStart{}));
  EXPECT_EQ(history.limit, 10U);
  EXPECT_THAT(refusal(R"({"action":"history","channel":"a","limit":0})"),
              HasSubstr("limit is not a whole number from 1 to 10000"));
  EXPECT_THAT(refusal(R"({"action":"history","channel":"a","limit":1.5})"), HasSubstr("limit is not"));
  EXPECT_THAT(accept(R"({"action":"presence","channel":"a"})").channels, Optional(ElementsAre("a")));
  EXPECT_THAT(refusal(R"({"action":"history"})"), HasSubstr("BAD_COMMAND: history needs a \"channel\""));
  EXPECT_THAT(refusal(R"({"action":"presence"})"), HasSubstr("BAD_COMMAND: presence needs a \"channel\""));
  EXPECT_THAT(refusal(R"({"action":"history","channel":"a/*"})"), HasSubstr("BAD_CHANNEL"));
  EXPECT_THAT(refusal(R"({"action":"presence","channel":["a"]})"), HasSubstr("\"channel\" must be a string"));
}

TEST_F(CommandTest, APingsTimestampIsKeptAsItIsWritten) {
  EXPECT_EQ(accept(R"({"action":"ping","timestamp":1795168800.500})").timestamp, "1795168800.500");
  EXPECT_EQ(accept(R"({"action":"ping","timestamp":"\u0041"})").timestamp, R"("\u0041")");
  EXPECT_EQ(accept(R"({"action":"ping"})").timestamp, "");
  EXPECT_THAT(refusal(R"({"action":"ping","timestamp":{}})"),
              HasSubstr("\"timestamp\" must be a string or a number"));
}

TEST_F(CommandTest, NothingOfACommandIsLeftForTheNextOne) {
  accept(R"({"action":"subscribe","id":1,"channels":["a"],"events":["t"],"since":"now","filter":"x"})");
  accept(
      R"({"action":"publish","id":2,"events":[{"channel":"a","data":1,"key":"k"},{"channel":"a","data":2}]})");
  refuse(R"({"action":"publish","id":3,"events":[{"channel":"a","data":1},{"channel":"a/*","data":2}]})");
  const Command& command = accept(R"({"action":"ping"})");
  EXPECT_EQ(command.id, "");
  EXPECT_FALSE(command.channels);
  EXPECT_FALSE(command.event_types);
  EXPECT_FALSE(command.since);
  EXPECT_EQ(command.filter, "");
  EXPECT_FALSE(command.batch);
  EXPECT_TRUE(command.publish.empty());
  const Command& next = accept(R"({"action":"publish","channel":"b","data":3})");
  ASSERT_EQ(next.publish.size(), 1U);
  EXPECT_EQ(next.publish[0].key, "");
}

}  // namespace
}  // namespace wskit::protocol
