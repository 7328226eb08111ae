#include "wsbench/adapter.h"

#include <gtest/gtest.h>

#include <cstring>

#include "common/protocol/command.h"
#include "common/protocol/event.h"
#include "common/protocol/reply.h"
#include "common/websocket/message_reader.h"
#include "wsbench/event_text.h"
#include "wsbench/limit_wire.h"

namespace wskit::bench {
namespace {

const websocket::ReaderLimits kLimits{.max_message_bytes = 1 << 24};

// The one message in a client's frame, unmasked.
std::string message_in(std::string frame) {
  websocket::MessageReader reader(websocket::Role::kServer, kLimits);
  reader.feed({frame.data(), frame.size()});
  const auto item = reader.next();
  EXPECT_EQ(item.kind, websocket::MessageReader::Kind::kMessage);
  return {item.payload.data(), item.payload.size()};
}

constexpr Topology kTopology{.publishers = 2, .channels = 6, .subscribers = 6};
constexpr Stamp kStamp{.run = 77, .publisher = 1, .sequence = 4, .due = 1000, .sent = 2000};

TEST(NativeAdapterTest, PublishesACommandThatTheProtocolUnderstands) {
  const auto adapter = make_native_adapter("/ws");
  std::string frame;
  adapter->encoder({kTopology, 300, true})->append(kStamp, frame);
  const std::string text = message_in(frame);
  protocol::CommandParser parser;
  const auto parsed = parser.parse(text);
  ASSERT_TRUE(parsed) << parsed.error().error.message;
  const protocol::Command& command = **parsed;
  EXPECT_EQ(command.action, protocol::Action::kPublish);
  EXPECT_EQ(command.id, "4");
  ASSERT_EQ(command.publish.size(), 1U);
  EXPECT_EQ(command.publish[0].channel, "bench/3");  // publisher 1 of 2 serves 1, 3, 5
  EXPECT_EQ(command.publish[0].type, kEventType);
}

TEST(NativeAdapterTest, AsksForNoReplyUnlessAcknowledgementsAreMeasured) {
  const auto adapter = make_native_adapter("/ws");
  std::string frame;
  adapter->encoder({kTopology, 300, false})->append(kStamp, frame);
  EXPECT_EQ(message_in(frame).find("\"id\""), std::string::npos);
}

TEST(NativeAdapterTest, SubscribesWithACommandThatTheProtocolUnderstands) {
  const std::string text = make_native_adapter("/ws")->subscribe_command(12);
  protocol::CommandParser parser;
  const auto parsed = parser.parse(text);
  ASSERT_TRUE(parsed);
  EXPECT_EQ((*parsed)->action, protocol::Action::kSubscribe);
  ASSERT_TRUE((*parsed)->channels);
  EXPECT_EQ(*(*parsed)->channels, std::vector<std::string_view>{"bench/12"});
}

TEST(LimitAdapterTest, BringsTheVeryFramesThatAreToBeSent) {
  const auto adapter = make_limit_adapter();
  std::string frame;
  adapter->encoder({kTopology, 300, true})->append(kStamp, frame);
  const std::string payload = message_in(frame);
  LimitOrder order;
  std::memcpy(&order, payload.data(), sizeof order);
  EXPECT_EQ(order.channel, 3U);

  std::string frames = payload.substr(sizeof order);
  websocket::MessageReader reader(websocket::Role::kClient, kLimits);
  reader.feed({frames.data(), frames.size()});
  const auto ack = reader.next();
  EXPECT_EQ(classify({ack.payload.data(), ack.payload.size()}).kind, ServerMessage::Kind::kPublished);
  EXPECT_EQ(classify({ack.payload.data(), ack.payload.size()}).id, kStamp.sequence);
  const auto event = reader.next();
  EXPECT_EQ(event.payload.size(), 300U);
  EXPECT_EQ(reader.next().kind, websocket::MessageReader::Kind::kNeedMore);
  EXPECT_LT(order.ack_bytes, frames.size());
}

TEST(EventTextTest, TheEnvelopeIsCountedAsItIsWritten) {
  for (const std::uint32_t channel : {0U, 9U, 10U, 12345U}) {
    for (const std::uint64_t offset :
         {std::uint64_t{1}, std::uint64_t{99}, std::uint64_t{100}, std::uint64_t{1} << 40}) {
      std::string event;
      append_delivered_event(channel, offset, kStamp, 0, event);
      EXPECT_EQ(event.size(), envelope_bytes(channel, offset) + unpadded_data_bytes()) << event;
    }
  }
}

TEST(EventTextTest, TheStampStandsAtAFixedDistanceFromTheEnd) {
  std::string event;
  append_delivered_event(3, 7, kStamp, 50, event);
  Stamp read;
  ASSERT_TRUE(read_stamp(event.data() + event.size() - kAfterStamp.size() - kStampBytes, read));
  EXPECT_EQ(read, kStamp);
  EXPECT_TRUE(event.ends_with(kAfterStamp));
}

TEST(EventTextTest, TheSmallestEventHasRoomForItsStamp) {
  const Topology topology{.publishers = 1, .channels = 1000, .subscribers = 1000};
  std::string frame;
  make_limit_adapter()
      ->encoder({topology, smallest_event(topology), false})
      ->append({.sequence = 999}, frame);
  const std::string payload = message_in(frame);
  EXPECT_EQ(payload.size(), sizeof(LimitOrder) + 4 + smallest_event(topology));
}

TEST(ClassifyTest, TellsTheServersMessagesApart) {
  using Kind = ServerMessage::Kind;
  const auto kind = [](std::string_view text) { return classify(text).kind; };
  EXPECT_EQ(kind(R"({"type":"subscribed","id":1,"timestamp":"t","data":{"channels":[]}})"),
            Kind::kSubscribed);
  EXPECT_EQ(kind(R"({"type":"subscribed","timestamp":"t","data":{"channels":[{"channel":"@user/b"}]}})"),
            Kind::kOther)
      << "nobody asked for it";
  EXPECT_EQ(kind(R"({"type":"connected","timestamp":"t","data":{"channels":["a"]}})"), Kind::kOther);
  EXPECT_EQ(kind(R"({"type":"heartbeat","timestamp":"t","data":{}})"), Kind::kOther);
  EXPECT_EQ(kind(R"({"type":"error","id":7,"timestamp":"t","data":{"code":"BAD_JSON"}})"), Kind::kError);
  EXPECT_EQ(kind(R"({"type":"error","channel":"a","offset":3,"timestamp":"t","data":{}})"), Kind::kEvent);
  EXPECT_EQ(kind(R"({"type":"bench","channel":"bench/0","offset":3,"timestamp":"t","data":{}})"),
            Kind::kEvent);
  EXPECT_EQ(kind("nonsense"), Kind::kOther);
}

TEST(ClassifyTest, KnowsARefusalForWantOfAToken) {
  const auto wants_token = [](std::string_view text) { return classify(text).wants_token; };
  EXPECT_TRUE(wants_token(R"({"type":"error","id":1,"timestamp":"t","data":{"code":"UNAUTHORIZED"}})"));
  EXPECT_FALSE(wants_token(R"({"type":"error","id":1,"timestamp":"t","data":{"code":"FORBIDDEN"}})"));
}

TEST(ClassifyTest, ReadsTheIdOfTheLibrarysOwnReply) {
  const protocol::Published published{.channel = "bench/0", .offset = 9, .epoch = "e"};
  std::string reply;
  protocol::append_reply(reply, "123456", "2026-01-01T00:00:00.000000Z",
                         protocol::PublishedAll{.events = {&published, 1}});
  EXPECT_EQ(classify(reply).kind, ServerMessage::Kind::kPublished);
  EXPECT_EQ(classify(reply).id, 123456U);
}

}  // namespace
}  // namespace wskit::bench
