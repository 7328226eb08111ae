#include "common/protocol/control.h"

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

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(ControlTest, AFrameHasTypeIdTimestampAndData) {
  std::string out;
  append_control(out, "stats", R"("a-1")", kTime, R"({"x":1})");
  EXPECT_EQ(out, R"({"type":"stats","id":"a-1","timestamp":"2026-11-20T10:00:00.123456Z","data":{"x":1}})");
}

TEST(ControlTest, WithoutAnIdTheFieldIsAbsent) {
  std::string out;
  append_control(out, "stats", "", kTime, "{}");
  EXPECT_EQ(out, R"({"type":"stats","timestamp":"2026-11-20T10:00:00.123456Z","data":{}})");
}

TEST(ControlTest, AnIdComesBackAsItWasWritten) {
  for (const std::string_view id : {"7", "-0", "1e3", "18446744073709551616", R"("\u0041")", R"("")"}) {
    std::string out;
    append_control(out, "pong", id, kTime, "{}");
    EXPECT_NE(out.find("\"id\":" + std::string(id) + ","), std::string::npos) << out;
  }
}

TEST(ControlTest, EachFunctionAppends) {
  std::string out = "before ";
  append_heartbeat(out, kTime, {});
  EXPECT_TRUE(out.starts_with("before {\"type\":\"heartbeat\""));
}

TEST(ControlTest, StringsAreEscapedWhereTheyMustBe) {
  EXPECT_EQ(json_string(""), R"("")");
  EXPECT_EQ(json_string("a/b é 日本 😀"), R"("a/b é 日本 😀")");
  EXPECT_EQ(json_string("\"\\\b\f\n\r\t"), R"("\"\\\b\f\n\r\t")");
  EXPECT_EQ(json_string(std::string_view("\0\x01\x1f\x7f", 4)), "\"\\u0000\\u0001\\u001f\x7f\"");
  EXPECT_EQ(json_string("\"x\"y\""), R"("\"x\"y\"")");
}

TEST(ControlTest, AStringOfEveryAsciiCharacterIsReadBackByAnotherParser) {
  std::string text;
  for (char c = 0; c < 0x7F; ++c) text.push_back(c);
  EXPECT_EQ(json::parse(json_string(text)).get<std::string>(), text);
}

TEST(ControlTest, ConnectedTellsWhatTheConnectionIs) {
  const std::vector<std::string> channels{"market/*", "news"};
  Connected connected;
  connected.connection = "c-1";
  connected.server = "wskit/0.1.0";
  connected.node = "host-1";
  connected.heartbeat_seconds = 30;
  connected.max_message_bytes = 1'048'576;
  connected.channels = channels;
  constexpr std::array<std::string_view, 2> kFeatures{"sequence", "other"};
  connected.features = kFeatures;
  std::string out;
  append_connected(out, kTime, connected);
  EXPECT_EQ(
      out,
      R"({"type":"connected","timestamp":"2026-11-20T10:00:00.123456Z","data":{"connection":"c-1","user":null,)"
      R"("server":"wskit/0.1.0","node":"host-1","heartbeat":30,"max_message_bytes":1048576,)"
      R"("channels":["market/*","news"],"features":["sequence","other"]}})");
}

TEST(ControlTest, ConnectedNamesTheUserAndBrokenSeconds) {
  Connected connected;
  connected.user = "an\"n";
  connected.heartbeat_seconds = 0.25;
  std::string out;
  append_connected(out, kTime, connected);
  const json message = json::parse(out);
  EXPECT_EQ(message["data"]["user"], "an\"n");
  EXPECT_EQ(message["data"]["heartbeat"], 0.25);
  EXPECT_EQ(message["data"]["channels"], json::array());
}

TEST(ControlTest, SubscribedTellsWhereEachChannelStands) {
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
  const std::vector<std::string> types{"trade"};
  std::string out;
  append_subscribed(out, "1", kTime, channels, types);
  EXPECT_EQ(
      out,
      R"({"type":"subscribed","id":1,"timestamp":"2026-11-20T10:00:00.123456Z","data":{"channels":[)"
      R"({"channel":"a","offset":42,"epoch":"e1","recovered":true,"replayed":3},)"
      R"({"channel":"b","offset":0,"epoch":"e2","recovered":false,"replayed":0,"oldest":1},)"
      R"({"channel":"c/*","offset":null,"epoch":null,"recovered":false,"replayed":0}],"events":["trade"]}})");
}

TEST(ControlTest, APatternTellsWhereEachOfItsChannelsHasAGap) {
  SubscribedChannel pattern;
  pattern.channel = "a/*";
  pattern.replayed = 4;
  pattern.gaps = {{.channel = "a/b", .offset = 5, .epoch = "e1", .oldest = 3},
                  {.channel = "a/c", .offset = 9, .epoch = "e2", .oldest = 10}};
  std::string out;
  append_subscribed(out, "1", kTime, std::span(&pattern, 1), {});
  EXPECT_EQ(out,
            R"({"type":"subscribed","id":1,"timestamp":"2026-11-20T10:00:00.123456Z","data":{"channels":[)"
            R"({"channel":"a/*","offset":null,"epoch":null,"recovered":false,"replayed":4,"gaps":[)"
            R"({"channel":"a/b","offset":5,"epoch":"e1","oldest":3},)"
            R"({"channel":"a/c","offset":9,"epoch":"e2","oldest":10}]}],"events":[]}})");
}

TEST(ControlTest, APatternTellsOfEachChannelWhereItWasAskedTo) {
  SubscribedChannel pattern;
  pattern.channel = "a/*";
  pattern.matched = {
      {.channel = "a/b", .offset = 5, .epoch = "e1", .recovered = true, .replayed = 2, .oldest = {}},
      {.channel = "a/c", .offset = 9, .epoch = "e1", .recovered = false, .replayed = 0, .oldest = 10}};
  std::string out;
  append_subscribed(out, "1", kTime, std::span(&pattern, 1), {});
  EXPECT_EQ(
      out,
      R"({"type":"subscribed","id":1,"timestamp":"2026-11-20T10:00:00.123456Z","data":{"channels":[)"
      R"({"channel":"a/*","offset":null,"epoch":null,"recovered":false,"replayed":0,"matched":[)"
      R"({"channel":"a/b","offset":5,"epoch":"e1","recovered":true,"replayed":2},)"
      R"({"channel":"a/c","offset":9,"epoch":"e1","recovered":false,"replayed":0,"oldest":10}]}],"events":[]}})");
}

TEST(ControlTest, UnsubscribedNamesWhatWasLeft) {
  const std::vector<std::string_view> channels{"a", "b/*"};
  std::string out;
  append_unsubscribed(out, "\"x\"", kTime, channels, {});
  EXPECT_EQ(out, R"({"type":"unsubscribed","id":"x","timestamp":"2026-11-20T10:00:00.123456Z",)"
                 R"("data":{"channels":["a","b/*"],"events":[]}})");
}

TEST(ControlTest, PublishedTellsTheOffset) {
  const std::array<Published, 1> published{{{"market/AAPL", 42, "e1", false}}};
  std::string out;
  append_published(out, "7", kTime, published, false);
  EXPECT_EQ(out, R"({"type":"published","id":7,"timestamp":"2026-11-20T10:00:00.123456Z",)"
                 R"("data":{"channel":"market/AAPL","offset":42,"epoch":"e1"}})");
}

TEST(ControlTest, PublishedAnswersABatchWithAnArray) {
  const std::array<Published, 2> published{
      {{"a", 1, "e1", false}, {"b", std::numeric_limits<std::uint64_t>::max(), "e2", true}}};
  std::string out;
  append_published(out, "7", kTime, published, true);
  EXPECT_EQ(out, R"({"type":"published","id":7,"timestamp":"2026-11-20T10:00:00.123456Z",)"
                 R"("data":[{"channel":"a","offset":1,"epoch":"e1"},)"
                 R"({"channel":"b","offset":18446744073709551615,"epoch":"e2","duplicate":true}]})");
  out.clear();
  append_published(out, "7", kTime, std::span(published).first(1), true);
  EXPECT_TRUE(json::parse(out)["data"].is_array()) << "a batch of one, too";
}

TEST(ControlTest, PongSendsTheClientsTimestampBack) {
  std::string out;
  append_pong(out, "1", kTime, "1795168800.5");
  EXPECT_EQ(
      out,
      R"({"type":"pong","id":1,"timestamp":"2026-11-20T10:00:00.123456Z","data":{"timestamp":1795168800.5}})");
  out.clear();
  append_pong(out, "", kTime, "");
  EXPECT_EQ(out, R"({"type":"pong","timestamp":"2026-11-20T10:00:00.123456Z","data":{}})");
}

TEST(ControlTest, HeartbeatCarriesTheCounters) {
  std::string out;
  append_heartbeat(out, kTime, {.delivered = 1, .merged = 2, .filtered = 3, .dropped = 4, .queued_bytes = 5});
  EXPECT_EQ(out, R"({"type":"heartbeat","timestamp":"2026-11-20T10:00:00.123456Z",)"
                 R"("data":{"delivered":1,"merged":2,"filtered":3,"dropped":4,"queued_bytes":5}})");
}

TEST(ControlTest, AnErrorHasCodeMessageAndDetails) {
  std::string out;
  append_error(out, "7", kTime, {ErrorCode::kBadJson, "say \"why\"", R"({"position":3})"});
  EXPECT_EQ(out, R"({"type":"error","id":7,"timestamp":"2026-11-20T10:00:00.123456Z",)"
                 R"("data":{"code":"BAD_JSON","message":"say \"why\"","details":{"position":3}}})");
  out.clear();
  append_error(out, "", kTime, {ErrorCode::kInternal, "x", ""});
  EXPECT_EQ(json::parse(out)["data"]["details"], json::object()) << "there are always details";
}

}  // namespace
}  // namespace wskit::protocol
