#include "wstap/control_message.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/protocol/reply.h"

namespace wskit::tap {
namespace {

constexpr std::string_view kTime = "2026-11-20T10:00:00.000000Z";

TEST(ParseControl, ReadsWhatTheServersWriterWrites) {
  std::string text;
  protocol::append_reply(text, {}, kTime,
                         protocol::Connected{.connection = "c",
                                             .user = {},
                                             .server = "s",
                                             .node = "n",
                                             .heartbeat_seconds = 30,
                                             .max_message_bytes = 1,
                                             .channels = {"a", "b/*"}});
  const ControlMessage connected = parse_control(text);
  EXPECT_EQ(connected.type, "connected");
  EXPECT_EQ(connected.channels, (std::vector<std::string>{"a", "b/*"}));
  EXPECT_EQ(connected.timestamp, kTime);

  text.clear();
  const std::vector<protocol::SubscribedChannel> entries{
      {.channel = "a", .offset = 57, .epoch = "e", .recovered = true, .replayed = 3, .oldest = 50},
      {.channel = "b/*",
       .offset = {},
       .epoch = {},
       .oldest = {},
       .gaps = {{.channel = "b/c", .offset = 43, .epoch = "f", .oldest = 41}},
       .more_gaps = 7}};
  protocol::append_reply(text, "1", kTime, protocol::Subscribed{.channels = entries, .event_types = {}});
  const ControlMessage subscribed = parse_control(text);
  EXPECT_EQ(subscribed.id, "1");
  ASSERT_EQ(subscribed.subscribed.size(), 2U);
  EXPECT_EQ(subscribed.subscribed[0].offset, 57U);
  EXPECT_EQ(subscribed.subscribed[0].epoch, "e");
  EXPECT_TRUE(subscribed.subscribed[0].recovered);
  EXPECT_EQ(subscribed.subscribed[0].replayed, 3U);
  EXPECT_EQ(subscribed.subscribed[0].oldest, 50U);
  EXPECT_FALSE(subscribed.subscribed[1].offset);
  EXPECT_FALSE(subscribed.subscribed[1].recovered);
  ASSERT_EQ(subscribed.subscribed[1].gaps.size(), 1U);
  EXPECT_EQ(subscribed.subscribed[1].gaps[0].channel, "b/c");
  EXPECT_EQ(subscribed.subscribed[1].gaps[0].offset, 43U);
  EXPECT_EQ(subscribed.subscribed[1].gaps[0].oldest, 41U);

  text.clear();
  protocol::append_reply(text, R"("x")", kTime,
                         protocol::refused({protocol::ErrorCode::kForbidden, "not here", {}}));
  const ControlMessage error = parse_control(text);
  EXPECT_EQ(error.id, R"("x")");
  EXPECT_EQ(error.error_code, "FORBIDDEN");
  EXPECT_EQ(error.error_message, "not here");
}

TEST(ParseControl, MakesNothingOfAnythingElse) {
  for (const char* text : {"", "nonsense", "[]", "1", R"({"type":1})", R"({"type":"subscribed","data":[]})",
                           R"({"type":"subscribed","data":{"channels":[1,{"offset":-1}]}})"}) {
    const ControlMessage message = parse_control(text);
    for (const SubscribedEntry& entry : message.subscribed) EXPECT_FALSE(entry.offset) << text;
  }
}

TEST(ParseControl, PassesOverWhatNamesNoChannelAndNoPlaceInOne) {
  const auto entries = [](const std::string& list) {
    return parse_control(R"({"type":"subscribed","id":1,"data":{"channels":[)" + list + "]}}");
  };
  for (const char* entry :
       {R"({"offset":1,"epoch":"e"})", R"({"channel":"","offset":1,"epoch":"e"})",
        R"({"channel":"a b","offset":1,"epoch":"e"})", R"({"channel":"a\u0000","offset":1,"epoch":"e"})",
        R"({"channel":"a//b","offset":1,"epoch":"e"})", R"({"channel":"a/*","offset":1,"epoch":"e"})",
        R"({"channel":"a*","offset":null})", R"({"channel":"a","offset":1,"epoch":"no epoch"})",
        R"({"channel":"a","offset":9223372036854775808,"epoch":"e"})",
        R"({"channel":"a","offset":1,"epoch":"e","oldest":0})",
        R"({"channel":"a","offset":1,"epoch":"e","oldest":18446744073709551615})"}) {
    const ControlMessage message = entries(entry + std::string(R"(,{"channel":"b","offset":2})"));
    ASSERT_EQ(message.subscribed.size(), 1U) << entry;
    EXPECT_EQ(message.subscribed.front().channel, "b") << entry;
    EXPECT_EQ(message.passed_over, 1U) << entry;
    EXPECT_NE(message.fault, "") << entry;
  }
  for (const std::string list : {"gaps", "matched"}) {
    const ControlMessage message =
        entries(R"({"channel":"*","offset":null,"epoch":null,")" + list +
                R"(":[{"channel":"*","offset":1,"epoch":"e"},{"channel":"c","offset":1,"epoch":"e"},)"
                R"({"channel":"d","offset":1,"epoch":" "}]})");
    ASSERT_EQ(message.subscribed.size(), 1U) << list;
    const SubscribedEntry& first = message.subscribed.front();
    EXPECT_EQ(first.gaps.size() + first.matched.size(), 1U) << list;
    EXPECT_EQ(message.passed_over, 2U) << list;
  }
}

TEST(ParseControl, TakesNoNameThatIsNoneFromTheGreetingAndNoEpochThatIsNoneFromAHistory) {
  EXPECT_EQ(parse_control(R"({"type":"connected","data":{"channels":["a b","a","b/**","**/b",7]}})").channels,
            (std::vector<std::string>{"a", "b/**"}));
  EXPECT_EQ(parse_control(R"({"type":"history","data":{"epoch":"e-1","offset":1,"events":[]}})").epoch,
            "e-1");
  EXPECT_EQ(parse_control(R"({"type":"history","data":{"epoch":"e 1","offset":1,"events":[]}})").epoch, "");
}

std::string nested(int depth, std::string_view open, std::string_view close) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += open;
  for (int i = 0; i < depth; ++i) text += close;
  return text;
}

TEST(ParseControl, GoesNoDeeperThanAServerDoes) {
  const ControlMessage other = parse_control(R"({"type":"x","id":)" + nested(100, "[", "]") + "}");
  EXPECT_EQ(other.type, "x");
  EXPECT_EQ(other.id, "");
  EXPECT_EQ(parse_control(R"({"type":"x","id":)" + nested(100'000, "[", "]") + "}").type, "");
  for (const char* list : {"gaps", "matched"}) {
    const std::string open = std::string(R"([{"channel":"a","offset":1,")") + list + "\":";
    std::string text = R"({"type":"subscribed","id":1,"data":{"channels":)" + nested(100, open, "}]") + "}}";
    // What lies in the middle.
    text.insert(text.find(":}") + 1, "[]");
    const ControlMessage subscribed = parse_control(text);
    ASSERT_EQ(subscribed.subscribed.size(), 1U) << list;
    const SubscribedEntry& first = subscribed.subscribed.front();
    EXPECT_EQ(first.gaps.size() + first.matched.size(), 1U) << list;
    const SubscribedEntry& second = first.gaps.empty() ? first.matched.front() : first.gaps.front();
    EXPECT_TRUE(second.gaps.empty() && second.matched.empty()) << list;
  }
}

}  // namespace
}  // namespace wskit::tap
