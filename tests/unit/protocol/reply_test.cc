#include "common/protocol/reply.h"
#include "common/protocol/json_writer.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace wskit::protocol {
namespace {

using nlohmann::json;

constexpr std::string_view kTime = "2026-11-20T10:00:00.123456Z";

// The message with that id.
std::string text_of(const Reply& reply, std::string_view id = {}) {
  std::string out;
  append_reply(out, id, kTime, reply);
  return out;
}

TEST(ReplyTest, HasTypeIdTimestampAndData) {
  EXPECT_EQ(text_of(Statistics{R"({"x":1})"}, R"("a-1")"),
            R"({"type":"stats","id":"a-1","timestamp":"2026-11-20T10:00:00.123456Z","data":{"x":1}})");
}

TEST(ReplyTest, WithoutAnIdTheFieldIsAbsent) {
  EXPECT_EQ(text_of(Statistics{"{}"}),
            R"({"type":"stats","timestamp":"2026-11-20T10:00:00.123456Z","data":{}})");
}

TEST(ReplyTest, AnIdComesBackAsItWasWritten) {
  for (const std::string_view id : {"7", "-0", "1e3", "18446744073709551616", R"("\u0041")", R"("")"}) {
    const std::string out = text_of(Pong{}, id);
    EXPECT_NE(out.find("\"id\":" + std::string(id) + ","), std::string::npos) << out;
  }
}

TEST(ReplyTest, StandsBehindWhatWasThere) {
  std::string out = "before ";
  append_reply(out, {}, kTime, DeliveryCounters{});
  EXPECT_TRUE(out.starts_with("before {\"type\":\"heartbeat\""));
}

TEST(ReplyTest, ConnectedTellsWhatTheConnectionIs) {
  Connected connected;
  connected.connection = "c-1";
  connected.server = "wskit/0.1.0";
  connected.node = "host-1";
  connected.heartbeat_seconds = 30;
  connected.max_message_bytes = 1'048'576;
  connected.channels = {"market/*", "news"};
  connected.features = {"sequence", "other"};
  const std::string out = text_of(connected);
  EXPECT_EQ(
      out,
      R"({"type":"connected","timestamp":"2026-11-20T10:00:00.123456Z","data":{"connection":"c-1","user":null,)"
      R"("server":"wskit/0.1.0","node":"host-1","heartbeat":30,"max_message_bytes":1048576,)"
      R"("channels":["market/*","news"],"features":["sequence","other"]}})");
}

TEST(ReplyTest, ConnectedNamesTheUserAndBrokenSeconds) {
  Connected connected;
  connected.user = "an\"n";
  connected.heartbeat_seconds = 0.25;
  const std::string out = text_of(connected);
  const json message = json::parse(out);
  EXPECT_EQ(message["data"]["user"], "an\"n");
  EXPECT_EQ(message["data"]["heartbeat"], 0.25);
  EXPECT_EQ(message["data"]["channels"], json::array());
}

TEST(ReplyTest, SubscribedTellsWhereEachChannelStands) {
  const std::array<SubscribedChannel, 3> channels{{
      {.channel = "a", .offset = 42, .epoch = "e1", .recovered = true, .replayed = 3, .oldest = std::nullopt},
      {.channel = "b", .offset = 0, .epoch = "e2", .recovered = false, .replayed = 0, .oldest = 1},
      {.channel = "c/*",
       .offset = std::nullopt,
       .epoch = "",
       .recovered = false,
       .replayed = 0,
       .oldest = std::nullopt},
  }};
  const std::string out = text_of(Subscribed{.channels = channels, .event_types = {"trade"}}, "1");
  EXPECT_EQ(
      out,
      R"({"type":"subscribed","id":1,"timestamp":"2026-11-20T10:00:00.123456Z","data":{"channels":[)"
      R"({"channel":"a","offset":42,"epoch":"e1","recovered":true,"replayed":3},)"
      R"({"channel":"b","offset":0,"epoch":"e2","recovered":false,"replayed":0,"oldest":1},)"
      R"({"channel":"c/*","offset":null,"epoch":null,"recovered":false,"replayed":0}],"events":["trade"]}})");
}

TEST(ReplyTest, APatternTellsWhereEachOfItsChannelsHasAGap) {
  SubscribedChannel pattern;
  pattern.channel = "a/*";
  pattern.replayed = 4;
  pattern.gaps = {{.channel = "a/b", .offset = 5, .epoch = "e1", .oldest = 3},
                  {.channel = "a/c", .offset = 9, .epoch = "e2", .oldest = 10}};
  const std::string out = text_of(Subscribed{.channels = {&pattern, 1}, .event_types = {}}, "1");
  EXPECT_EQ(out,
            R"({"type":"subscribed","id":1,"timestamp":"2026-11-20T10:00:00.123456Z","data":{"channels":[)"
            R"({"channel":"a/*","offset":null,"epoch":null,"recovered":false,"replayed":4,"gaps":[)"
            R"({"channel":"a/b","offset":5,"epoch":"e1","oldest":3},)"
            R"({"channel":"a/c","offset":9,"epoch":"e2","oldest":10}]}],"events":[]}})");
}

TEST(ReplyTest, APatternTellsOfEachChannelWhereItWasAskedTo) {
  SubscribedChannel pattern;
  pattern.channel = "a/*";
  pattern.matched = {
      {.channel = "a/b", .offset = 5, .epoch = "e1", .recovered = true, .replayed = 2, .oldest = {}},
      {.channel = "a/c", .offset = 9, .epoch = "e1", .recovered = false, .replayed = 0, .oldest = 10}};
  const std::string out = text_of(Subscribed{.channels = {&pattern, 1}, .event_types = {}}, "1");
  EXPECT_EQ(
      out,
      R"({"type":"subscribed","id":1,"timestamp":"2026-11-20T10:00:00.123456Z","data":{"channels":[)"
      R"({"channel":"a/*","offset":null,"epoch":null,"recovered":false,"replayed":0,"matched":[)"
      R"({"channel":"a/b","offset":5,"epoch":"e1","recovered":true,"replayed":2},)"
      R"({"channel":"a/c","offset":9,"epoch":"e1","recovered":false,"replayed":0,"oldest":10}]}],"events":[]}})");
}

TEST(ReplyTest, UnsubscribedNamesWhatWasLeft) {
  const std::string out = text_of(Unsubscribed{.channels = {"a", "b/*"}, .event_types = {}}, "\"x\"");
  EXPECT_EQ(out, R"({"type":"unsubscribed","id":"x","timestamp":"2026-11-20T10:00:00.123456Z",)"
                 R"("data":{"channels":["a","b/*"],"events":[]}})");
}

TEST(ReplyTest, PublishedTellsTheOffset) {
  const std::array<Published, 1> published{{{"market/AAPL", 42, "e1", false}}};
  const std::string out = text_of(PublishedAll{.events = published}, "7");
  EXPECT_EQ(out, R"({"type":"published","id":7,"timestamp":"2026-11-20T10:00:00.123456Z",)"
                 R"("data":{"channel":"market/AAPL","offset":42,"epoch":"e1"}})");
}

TEST(ReplyTest, PublishedAnswersABatchWithAnArray) {
  const std::array<Published, 2> published{
      {{"a", 1, "e1", false}, {"b", std::numeric_limits<std::uint64_t>::max(), "e2", true}}};
  std::string out = text_of(PublishedAll{.events = published, .batch = true}, "7");
  EXPECT_EQ(out, R"({"type":"published","id":7,"timestamp":"2026-11-20T10:00:00.123456Z",)"
                 R"("data":[{"channel":"a","offset":1,"epoch":"e1"},)"
                 R"({"channel":"b","offset":18446744073709551615,"epoch":"e2","duplicate":true}]})");
  out = text_of(PublishedAll{.events = std::span(published).first(1), .batch = true}, "7");
  EXPECT_TRUE(json::parse(out)["data"].is_array()) << "a batch of one, too";
}

TEST(ReplyTest, PongSendsTheClientsTimestampBack) {
  std::string out = text_of(Pong{"1795168800.5"}, "1");
  EXPECT_EQ(
      out,
      R"({"type":"pong","id":1,"timestamp":"2026-11-20T10:00:00.123456Z","data":{"timestamp":1795168800.5}})");
  out = text_of(Pong{});
  EXPECT_EQ(out, R"({"type":"pong","timestamp":"2026-11-20T10:00:00.123456Z","data":{}})");
}

TEST(ReplyTest, HeartbeatCarriesTheCounters) {
  const std::string out =
      text_of(DeliveryCounters{.delivered = 1, .merged = 2, .filtered = 3, .dropped = 4, .queued_bytes = 5});
  EXPECT_EQ(out, R"({"type":"heartbeat","timestamp":"2026-11-20T10:00:00.123456Z",)"
                 R"("data":{"delivered":1,"merged":2,"filtered":3,"dropped":4,"queued_bytes":5}})");
}

TEST(ReplyTest, AnErrorHasCodeMessageAndDetails) {
  const Error error{ErrorCode::kBadJson, "say \"why\"", R"({"position":3})"};
  std::string out = text_of(refused(error), "7");
  EXPECT_EQ(out, R"({"type":"error","id":7,"timestamp":"2026-11-20T10:00:00.123456Z",)"
                 R"("data":{"code":"BAD_JSON","message":"say \"why\"","details":{"position":3}}})");
  const Error bare{ErrorCode::kInternal, "x", ""};
  out = text_of(refused(bare));
  EXPECT_EQ(json::parse(out)["data"]["details"], json::object()) << "there are always details";
}

}  // namespace
}  // namespace wskit::protocol
