#include "common/protocol/reply_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace wskit::protocol {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = DecodedReply::Kind;

constexpr std::string_view kTime = "2026-11-20T10:00:00.123456Z";

std::string text_of(const Reply& reply) {
  std::string out;
  append_reply(out, R"("id-1")", kTime, reply);
  return out;
}

TEST(ReplyDecoder, ReadsBackEveryKindOfReply) {
  const std::array<Published, 2> published{{{"a", 7, "e\"1", true}, {"b/c", 8, "e2", false}}};
  SubscribedChannel name{
      .channel = "a", .offset = 42, .epoch = "e1", .recovered = true, .replayed = 3, .oldest = 40};
  SubscribedChannel pattern{.channel = "b/**", .offset = {}, .epoch = {}, .oldest = {}};
  pattern.gaps = {{.channel = "b/\u00e9", .offset = 5, .epoch = "e1", .oldest = 3}};
  pattern.more_gaps = 2;
  pattern.matched = {
      {.channel = "b/d", .offset = 5, .epoch = "e1", .recovered = true, .replayed = 2, .oldest = {}}};
  const std::array<SubscribedChannel, 2> channels{name, pattern};
  const std::vector<Reply> replies{
      Connected{.connection = "n-0-1",
                .user = "an\"n",
                .server = "wskit/0.1.0",
                .node = "n",
                .heartbeat_seconds = 0.25,
                .max_message_bytes = 1'048'576,
                .channels = {"a", "b/*"},
                .features = {"gap"},
                .auth_within_seconds = 5},
      Connected{},
      Subscribed{.channels = channels, .event_types = {"trade", "bar"}},
      Unsubscribed{.channels = {"a", "b/*"}, .event_types = {"trade"}},
      PublishedAll{.events = std::span(published).first(1), .batch = false},
      PublishedAll{.events = published, .batch = true},
      HistoryEvents{.events = {R"({"n": 1.50})", "{}"},
                    .offset = 43,
                    .epoch = "e",
                    .oldest = 41,
                    .recovered = true,
                    .complete = true},
      Present{.channel = "a", .connections = R"([{"connection":"n-0-1"}])", .count = 1},
      Statistics{R"({"x":1})"},
      Pong{"1795168800.5"},
      Pong{},
      Authenticated{.user = "ann", .expires = kTime},
      Authenticated{.user = "ann", .expires = {}},
      Gap{.channel = "a", .offset = 9, .epoch = "e", .oldest = 10},
      DeliveryCounters{.delivered = 1, .merged = 2, .filtered = 3, .dropped = 4, .queued_bytes = 5},
      Closing{.code = 1001, .reason = "later"},
      Refused{.code = "BAD_JSON", .message = "say \"why\"\n", .details = R"({"position":3})"},
  };
  ReplyDecoder decoder;
  for (const Reply& reply : replies) {
    const std::string text = text_of(reply);
    const DecodedReply& decoded = decoder.decode(text);
    ASSERT_EQ(decoded.kind, Kind::kReply) << text;
    EXPECT_EQ(decoded.reply.index(), reply.index()) << text;
    EXPECT_EQ(decoded.id, R"("id-1")");
    EXPECT_EQ(decoded.timestamp, kTime);
    EXPECT_EQ(decoded.type, type_of(reply));
    // Nothing of it was lost or changed.
    EXPECT_EQ(text_of(decoded.reply), text);
  }
}

TEST(ReplyDecoder, TellsEventsAndStrangersApartFromReplies) {
  ReplyDecoder decoder;
  EXPECT_EQ(decoder.decode(R"({"type":"published","channel":"c","offset":1,"data":{}})").kind, Kind::kEvent);
  EXPECT_EQ(decoder.decode(R"({"no":"type"})").kind, Kind::kUnknown);
  EXPECT_EQ(decoder.decode(R"({"type":"later","id":4})").kind, Kind::kUnknown);
  EXPECT_EQ(decoder.decode(R"({"type":"later","id":4})").id, "4");
  for (const char* text : {"", "hello", "[1]", "42", R"({"type":"published")", "{} x"}) {
    EXPECT_EQ(decoder.decode(text).kind, Kind::kMalformed) << text;
  }
}

TEST(ReplyDecoder, AMemberOfAnotherKindCountsAsAbsent) {
  ReplyDecoder decoder;
  const DecodedReply& greeting = decoder.decode(
      R"({"type":"connected","timestamp":5,"data":{"connection":1,"user":null,"heartbeat":"30",)"
      R"("max_message_bytes":-1,"channels":["a",7,{}],"features":"gap","auth_within":[],"other":{}}})");
  const auto* connected = greeting.as<Connected>();
  ASSERT_NE(connected, nullptr);
  EXPECT_EQ(greeting.timestamp, "");
  EXPECT_EQ(connected->connection, "");
  EXPECT_EQ(connected->heartbeat_seconds, 0);
  EXPECT_EQ(connected->max_message_bytes, 0U);
  EXPECT_THAT(connected->channels, ElementsAre("a"));
  EXPECT_THAT(connected->features, IsEmpty());
  EXPECT_FALSE(connected->auth_within_seconds);
  const DecodedReply& bare = decoder.decode(R"({"type":"subscribed","data":[1]})");
  ASSERT_NE(bare.as<Subscribed>(), nullptr);
  EXPECT_TRUE(bare.as<Subscribed>()->channels.empty());
  EXPECT_EQ(decoder.decode(R"({"type":"history","data":{"offset":"1","events":[]}})").kind, Kind::kUnknown);
}

TEST(ReplyDecoder, ReadsAHistoryOfTheDeepestEvents) {
  const std::string event = R"({"data":)" + std::string(511, '[') + std::string(511, ']') + "}";
  const std::string text = text_of(HistoryEvents{.events = {event}, .offset = 1, .epoch = "e"});
  ReplyDecoder decoder;
  const auto* history = decoder.decode(text).as<HistoryEvents>();
  ASSERT_NE(history, nullptr);
  EXPECT_THAT(history->events, ElementsAre(event));
}

TEST(ReplyDecoder, NothingOfOneMessageIsLeftInTheNext) {
  ReplyDecoder decoder;
  std::ignore = decoder.decode(R"({"type":"published","id":1,"data":[{"channel":"a","offset":1}]})");
  const DecodedReply& next = decoder.decode(R"({"type":"published","data":[]})");
  EXPECT_EQ(next.id, "");
  ASSERT_NE(next.as<PublishedAll>(), nullptr);
  EXPECT_TRUE(next.as<PublishedAll>()->events.empty());
}

}  // namespace
}  // namespace wskit::protocol
