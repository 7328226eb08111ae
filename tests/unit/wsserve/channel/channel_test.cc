#include "wsserve/channel/channel.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "wsserve/broker/memory_broker.h"
#include "wsserve/loop/inbox.h"

namespace wskit::server {
namespace {

class ChannelTest : public testing::Test {
 protected:
  static constexpr std::size_t kShards = 64;

  ChannelTest() {
    for (std::size_t i = 0; i < kShards; ++i) inboxes_.push_back(std::make_unique<Inbox>());
    channel_ = std::make_unique<Channel>("news/día", "E1", options_,
                                         Channel::Home{inboxes_, budget_, shared_, broker_}, 0);
  }

  std::uint64_t publish(protocol::PublishEvent event = {}) {
    if (event.type.empty()) event.type = "trade";
    if (event.data.empty()) event.data = "1";
    return channel_->publish(event, {now_, "2026-01-01T00:00:00.000000Z"}).offset;
  }

  // The frames that wait in the inbox of a shard.
  std::vector<ChunkPtr> frames(std::size_t shard) {
    std::vector<Delivery> deliveries;
    std::vector<Inbox::Task> tasks;
    (void)inboxes_[shard]->take(deliveries, tasks);
    std::vector<ChunkPtr> frames;
    for (const Delivery& delivery : deliveries) {
      EXPECT_EQ(delivery.channel, channel_.get());
      frames.push_back(delivery.frame);
    }
    return frames;
  }

  std::vector<std::unique_ptr<Inbox>> inboxes_;
  AgeClock ages_;
  MemoryBudget budget_{std::size_t{1} << 20};
  MemoryBudget dedup_budget_{std::size_t{1} << 20};
  Producers producers_;
  broker::Shared shared_{dedup_budget_, producers_, ages_};
  broker::MemoryBroker broker_;
  ChannelOptions options_;
  protocol::SystemMicros now_{std::chrono::hours{1}};
  std::unique_ptr<Channel> channel_;
};

TEST_F(ChannelTest, NumbersItsEventsFromOne) {
  EXPECT_EQ(channel_->position().offset, 0U);
  EXPECT_EQ(publish(), 1U);
  EXPECT_EQ(publish(), 2U);
  EXPECT_EQ(channel_->position().offset, 2U);
  EXPECT_EQ(channel_->position().epoch, "E1");
}

TEST_F(ChannelTest, HandsTheSameFrameToTheShardsThatWantIt) {
  channel_->show_interest(0);
  channel_->show_interest(7);
  channel_->show_interest(63);
  publish();
  const auto first = frames(0);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(frames(7), first);
  EXPECT_EQ(frames(63), first);
  for (const std::size_t shard : {1UL, 6UL, 8UL, 62UL}) EXPECT_FALSE(inboxes_[shard]->has_work());
}

TEST_F(ChannelTest, HandsNothingToAShardThatLostInterest) {
  channel_->show_interest(3);
  channel_->show_interest(4);
  channel_->lose_interest(3);
  channel_->lose_interest(9);
  publish();
  EXPECT_FALSE(inboxes_[3]->has_work());
  EXPECT_TRUE(inboxes_[4]->has_work());
}

TEST_F(ChannelTest, HandsEverythingBehindTheSeamToAShardThatJoins) {
  publish();
  channel_->show_interest(5);
  publish();
  std::uint64_t seam = 99;
  const Position position = channel_->join(5, seam);
  EXPECT_EQ(position.offset, 2U);
  EXPECT_EQ(seam, 1U);
  EXPECT_EQ(seam, inboxes_[5]->pushed());
  publish();
  EXPECT_EQ(inboxes_[5]->pushed(), 2U);
}

TEST_F(ChannelTest, BuildsAWholeFrameWithTheKeysInTheirOrder) {
  channel_->show_interest(0);
  publish({.channel = "news/día",
           .type = "alert",
           .timestamp = "2026-11-20T10:00:00+01:00",
           .key = R"("k\"1")",
           .dedup = {},
           .data = R"({"b": 1e400})"});
  const std::string text =
      R"({"type":"alert","channel":"news/día","offset":1,"timestamp":"2026-11-20T10:00:00+01:00",)"
      R"("key":"k\"1","data":{"b": 1e400}})";
  const ChunkPtr frame = frames(0).at(0);
  EXPECT_EQ(frame->text(), text);
  EXPECT_EQ(frame->type(), "alert");
  EXPECT_EQ(frame->event.offset, 1U);
  ASSERT_LT(text.size(), 126U);
  const std::string header{'\x81', static_cast<char>(text.size())};
  EXPECT_EQ(frame->bytes(), header + text);
}

TEST_F(ChannelTest, GivesAnEventWithoutATimestampTheTimeOfItsArrival) {
  channel_->show_interest(0);
  publish();
  EXPECT_THAT(std::string(frames(0).at(0)->text()),
              testing::HasSubstr(R"("timestamp":"2026-01-01T00:00:00.000000Z")"));
}

TEST_F(ChannelTest, FindsTheTypeBehindAHeaderOfAnySize) {
  channel_->show_interest(0);
  for (const std::size_t bytes : {1UL, 100UL, 65'000UL, 70'000UL}) {
    const std::string data = fmt::format("\"{:x>{}}\"", "", bytes);
    publish({.channel = {}, .type = "t.y-p:e", .timestamp = {}, .key = {}, .dedup = {}, .data = data});
    const ChunkPtr frame = frames(0).at(0);
    EXPECT_EQ(frame->type(), "t.y-p:e");
    EXPECT_TRUE(frame->text().starts_with(R"({"type":"t.y-p:e",)"));
    EXPECT_TRUE(frame->text().ends_with(data + "}"));
  }
}

}  // namespace
}  // namespace wskit::server
