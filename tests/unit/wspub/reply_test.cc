#include "wspub/reply.h"

#include <gtest/gtest.h>

#include "common/protocol/control.h"

namespace wskit::pub {
namespace {

using Kind = Reply::Kind;

constexpr std::string_view kTime = "2026-11-20T10:00:00.000000Z";

TEST(Reply, ReadsWhatTheServerSaysToOnePublish) {
  std::string text;
  const protocol::Published published[] = {{.channel = "a/b", .offset = 7, .epoch = "x1", .duplicate = true}};
  protocol::append_published(text, "12", kTime, published, false);
  ReplyParser parser;
  const Reply& reply = parser.parse(text);
  EXPECT_EQ(reply.kind, Kind::kPublished);
  EXPECT_EQ(reply.id, 12U);
  ASSERT_EQ(reply.published.size(), 1U);
  EXPECT_EQ(reply.published[0].channel, R"("a/b")");
  EXPECT_EQ(reply.published[0].offset, "7");
  EXPECT_EQ(reply.published[0].epoch, R"("x1")");
  EXPECT_TRUE(reply.published[0].duplicate);
}

TEST(Reply, ReadsWhatTheServerSaysToABatch) {
  std::string text;
  const protocol::Published published[] = {{.channel = "a", .offset = 1, .epoch = "e"},
                                           {.channel = "b", .offset = 2, .epoch = "e", .duplicate = true}};
  protocol::append_published(text, "3", kTime, published, true);
  ReplyParser parser;
  const Reply& reply = parser.parse(text);
  ASSERT_EQ(reply.published.size(), 2U);
  EXPECT_FALSE(reply.published[0].duplicate);
  EXPECT_TRUE(reply.published[1].duplicate);
}

TEST(Reply, ReadsErrorsWithThePlaceInTheBatch) {
  std::string text;
  protocol::append_error(text, "9", kTime,
                         {protocol::ErrorCode::kForbidden, "not \"yours\"", R"({"index":4,"channel":"x"})"});
  ReplyParser parser;
  const Reply& reply = parser.parse(text);
  EXPECT_EQ(reply.kind, Kind::kError);
  EXPECT_EQ(reply.id, 9U);
  EXPECT_EQ(reply.code, "FORBIDDEN");
  EXPECT_EQ(reply.message, "not \"yours\"");
  EXPECT_EQ(reply.index, 4U);
}

TEST(Reply, AnErrorMayLackIdAndDetails) {
  std::string text;
  protocol::append_error(text, "", kTime, {protocol::ErrorCode::kRateLimited, "slower", ""});
  ReplyParser parser;
  const Reply& reply = parser.parse(text);
  EXPECT_EQ(reply.id, std::nullopt);
  EXPECT_EQ(reply.index, std::nullopt);
  EXPECT_TRUE(is_transient(reply.code));
}

TEST(Reply, ReadsWhichChannelsTheServerSubscribedByItself) {
  std::string text;
  const std::string channels[] = {"news", "market/*"};
  protocol::append_connected(text, kTime,
                             {.connection = "c1",
                              .user = "",
                              .server = "wskit",
                              .node = "n",
                              .heartbeat_seconds = 30,
                              .max_message_bytes = 1,
                              .channels = channels,
                              .features = {}});
  ReplyParser parser;
  const Reply& reply = parser.parse(text);
  EXPECT_EQ(reply.kind, Kind::kConnected);
  EXPECT_EQ(reply.channels, R"(["news","market/*"])");
}

TEST(Reply, EventsAndHeartbeatsDoNotConcernAPublisher) {
  ReplyParser parser;
  EXPECT_EQ(parser.parse(R"({"type":"published","channel":"c","offset":1,"data":{}})").kind, Kind::kOther);
  EXPECT_EQ(parser.parse(R"({"type":"heartbeat","data":{}})").kind, Kind::kOther);
  EXPECT_EQ(parser.parse(R"({"no":"type"})").kind, Kind::kOther);
}

TEST(Reply, WhatIsNoJsonObjectIsMalformed) {
  ReplyParser parser;
  for (const char* text : {"", "hello", "[1]", "{\"type\":\"published\"", "{} x"}) {
    EXPECT_EQ(parser.parse(text).kind, Kind::kMalformed) << text;
  }
}

TEST(Reply, NothingOfOneReplyIsLeftInTheNext) {
  ReplyParser parser;
  std::ignore =
      parser.parse(R"({"type":"error","id":1,"data":{"code":"X","message":"m","details":{"index":1}}})");
  const Reply& reply = parser.parse(R"({"type":"published","data":{"channel":"c","offset":1,"epoch":"e"}})");
  EXPECT_EQ(reply.id, std::nullopt);
  EXPECT_EQ(reply.index, std::nullopt);
  EXPECT_EQ(reply.code, "");
}

}  // namespace
}  // namespace wskit::pub
