#include "wsserve/channel/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "support/scratch_folder.h"
#include "wsserve/broker/memory_broker.h"
#include "wsserve/loop/inbox.h"
#include "wsserve/store/sqlite_broker.h"

namespace wskit::server {
namespace {

class HubTest : public testing::Test {
 protected:
  HubTest() {
    for (int i = 0; i < 3; ++i) inboxes_.push_back(std::make_unique<Inbox>());
    hub_ = std::make_unique<Hub>(inboxes_, HubLimits{.max_channels = 4}, ChannelRules{}, broker_);
  }

  void add_pattern(const std::string& text, std::size_t shard) {
    for (Channel* channel : hub_->add_pattern(*protocol::Pattern::parse(text), shard)) {
      channel->show_interest(shard);
    }
  }

  // Publishes to a channel; which shards have heard of it, as "02".
  std::string heard(const std::string& channel) {
    hub_->find_or_create(channel)->publish(
        {.channel = channel, .type = "t", .timestamp = {}, .key = {}, .dedup = {}, .data = "1"},
        {{}, "2026-01-01T00:00:00Z"});
    std::string shards;
    for (std::size_t i = 0; i < inboxes_.size(); ++i) {
      std::vector<Delivery> deliveries;
      std::vector<Inbox::Task> tasks;
      (void)inboxes_[i]->take(deliveries, tasks);
      if (!deliveries.empty()) shards += static_cast<char>('0' + i);
    }
    return shards;
  }

  static std::uint64_t held(const Channel& channel) {
    std::vector<ChunkPtr> frames;
    return channel.begin_replay(protocol::FromStart{}, SIZE_MAX, frames).replayed;
  }

  std::vector<std::unique_ptr<Inbox>> inboxes_;
  broker::MemoryBroker broker_;
  std::unique_ptr<Hub> hub_;
};

TEST_F(HubTest, FindsTheChannelThatItMade) {
  Channel* channel = hub_->find_or_create("news");
  ASSERT_NE(channel, nullptr);
  EXPECT_EQ(channel->name(), "news");
  EXPECT_EQ(hub_->find_or_create(std::string("news")), channel);
  EXPECT_NE(hub_->find_or_create("other"), channel);
  EXPECT_EQ(hub_->channel_count(), 2U);
}

TEST_F(HubTest, MakesNoMoreChannelsThanItMay) {
  for (const char* name : {"a", "b", "c", "d"}) EXPECT_NE(hub_->find_or_create(name), nullptr);
  EXPECT_EQ(hub_->find_or_create("e"), nullptr);
  EXPECT_NE(hub_->find_or_create("d"), nullptr);
  EXPECT_EQ(hub_->channel_count(), 4U);
}

TEST_F(HubTest, GivesAChannelAnEpochThatNoOtherRunHas) {
  Hub other(inboxes_, HubLimits{}, ChannelRules{}, broker_);
  EXPECT_FALSE(hub_->find_or_create("news")->epoch().empty());
  EXPECT_NE(hub_->find_or_create("news")->epoch(), other.find_or_create("news")->epoch());
}

// Forgetting is a question of time only: here everything is idle at once.
class ForgettingHubTest : public HubTest {
 protected:
  static constexpr std::chrono::hours kTtl{24};

  ForgettingHubTest() {
    ChannelRules rules;
    rules.defaults.history.max_age = std::chrono::hours{1};
    hub_ = std::make_unique<Hub>(inboxes_, HubLimits{.channel_ttl = kTtl}, rules, broker_, even_clock());
  }

  // Time that goes on as far as forget() is told.
  AgeClock::EvenClock even_clock() {
    return [this] { return even_; };
  }

  void forget(std::chrono::microseconds after) {
    const protocol::SystemMicros then = protocol::system_now() + after;
    even_ = then.time_since_epoch();
    (void)hub_->expire(then);
    hub_->forget(then);
  }

  std::chrono::microseconds even_ = protocol::system_now().time_since_epoch();
};

// R7
TEST_F(ForgettingHubTest, ForgetsNothingWhileTheClockIsWrong) {
  const auto publish = [&](protocol::SystemMicros at) {
    return hub_->find_or_create("a")->publish(
        {.channel = "a", .type = "t", .timestamp = {}, .key = {}, .dedup = "id", .data = "1"},
        {at, "2026-01-01T00:00:00Z"});
  };
  const protocol::SystemMicros begin = protocol::system_now();
  const auto look = [&](std::chrono::seconds after, std::chrono::hours wrong) {
    even_ = begin.time_since_epoch() + after;
    const protocol::SystemMicros wall = begin + after + wrong;
    hub_->ages().look(wall);
    (void)hub_->expire(wall);
    hub_->forget(wall);
    return wall;
  };
  look(std::chrono::seconds{0}, std::chrono::hours{0});
  publish(begin);
  Channel& channel = *hub_->find_or_create("a");
  const protocol::SystemMicros wrong = look(std::chrono::seconds{10}, std::chrono::hours{49});
  EXPECT_EQ(held(channel), 1U);
  EXPECT_TRUE(publish(wrong).duplicate) << "the id is ten seconds old";
  look(std::chrono::seconds{15}, std::chrono::hours{0});
  EXPECT_EQ(held(channel), 1U);
  EXPECT_EQ(hub_->find("a"), &channel);
  EXPECT_EQ(hub_->ages().take_jumps().size(), 2U);
  EXPECT_EQ(hub_->ages().take_jumps().size(), 0U);
  look(std::chrono::hours{2}, std::chrono::hours{0});
  EXPECT_EQ(held(channel), 0U) << "an hour is its age";
}

TEST_F(ForgettingHubTest, ForgetsAChannelThatIsEmptyAndUnused) {
  (void)heard("a");
  forget(kTtl - std::chrono::hours{1});
  EXPECT_EQ(hub_->find("a"), nullptr) << "the event's time of receipt is long ago";
  hub_->find_or_create("b")->publish(
      {.channel = "b", .type = "t", .timestamp = {}, .key = {}, .dedup = {}, .data = "1"},
      {protocol::system_now(), "2026-01-01T00:00:00Z"});
  forget(kTtl - std::chrono::hours{1});
  EXPECT_NE(hub_->find("b"), nullptr);
  forget(kTtl + std::chrono::hours{1});
  EXPECT_EQ(hub_->find("b"), nullptr);
  EXPECT_EQ(hub_->forgotten(), 2U);
}

TEST_F(ForgettingHubTest, GivesANameThatWasForgottenAnEpochOfItsOwn) {
  const std::string first(hub_->find_or_create("a")->epoch());
  (void)heard("a");
  forget(kTtl * 2);
  const std::string second(hub_->find_or_create("a")->epoch());
  (void)heard("a");
  forget(kTtl * 2);
  EXPECT_NE(second, first);
  EXPECT_NE(hub_->find_or_create("a")->epoch(), first);
  EXPECT_NE(hub_->find_or_create("a")->epoch(), second);
}

TEST_F(ForgettingHubTest, GivesItAnotherEpochToWhereItsRuleMakesItDurableMeanwhile) {
  const test::ScratchFolder folder;
  store::Options options;
  options.path = folder.path() / "events.db";
  options.make_epoch = [] { return "renewed"; };
  auto store = store::Store::open(std::move(options));
  ASSERT_TRUE(store) << store.error().message;
  store::SqliteBroker stored(std::move(*store));
  ChannelRules rules;
  rules.defaults.durable = false;
  hub_ = std::make_unique<Hub>(inboxes_, HubLimits{.channel_ttl = kTtl}, rules, stored, even_clock());
  const std::string first(hub_->find_or_create("a")->epoch());
  (void)heard("a");
  forget(kTtl * 2);
  rules.defaults.durable = true;
  hub_->reload(HubLimits{.channel_ttl = kTtl}, rules, protocol::system_now());
  const Channel* second = hub_->find_or_create("a");
  EXPECT_TRUE(second->is_durable());
  EXPECT_NE(second->epoch(), first);
  hub_.reset();
}

// R3
TEST_F(ForgettingHubTest, ForgetsAtOnceAChannelThatWasNeverPublishedTo) {
  const std::string epoch(hub_->find_or_create("a")->epoch());
  (void)hub_->find_or_create("heard");
  add_pattern("heard", 1);
  forget(std::chrono::seconds{0});
  EXPECT_EQ(hub_->find("a"), nullptr);
  EXPECT_NE(hub_->find("heard"), nullptr);
  EXPECT_EQ(hub_->find_or_create("a")->epoch(), epoch) << "there was nothing to miss";
}

// R3
TEST_F(ForgettingHubTest, ForgetsADurableChannelWithoutAnEventAndLeavesNothingInTheStore) {
  const test::ScratchFolder folder;
  store::Options options;
  options.path = folder.path() / "events.db";
  options.make_epoch = [] { return "renewed"; };
  auto store = store::Store::open(std::move(options));
  ASSERT_TRUE(store) << store.error().message;
  const store::Store& file = **store;
  store::SqliteBroker stored(std::move(*store));
  ChannelRules rules;
  rules.defaults.durable = true;
  hub_ = std::make_unique<Hub>(inboxes_, HubLimits{.channel_ttl = kTtl}, rules, stored);
  ASSERT_TRUE(hub_->find_or_create("a")->is_durable());
  EXPECT_THAT(file.channels(), testing::SizeIs(1));
  forget(std::chrono::seconds{0});
  EXPECT_EQ(hub_->find("a"), nullptr);
  EXPECT_THAT(file.channels(), testing::IsEmpty());
  EXPECT_TRUE(hub_->find_or_create("a")->is_durable());
  hub_.reset();
}

TEST_F(ForgettingHubTest, KeepsAChannelThatHoldsAnEvent) {
  hub_->find_or_create("a")->publish(
      {.channel = "a", .type = "t", .timestamp = {}, .key = {}, .dedup = {}, .data = "1"},
      {protocol::system_now() + kTtl * 2, "2026-01-01T00:00:00Z"});
  forget(kTtl * 2);
  EXPECT_NE(hub_->find("a"), nullptr);
}

TEST_F(ForgettingHubTest, KeepsAChannelThatAShardListensTo) {
  (void)hub_->find_or_create("m/a");
  add_pattern("m/*", 1);
  forget(kTtl * 2);
  EXPECT_NE(hub_->find("m/a"), nullptr);
}

TEST_F(ForgettingHubTest, KeepsAChannelThatSomebodyAskedForMeanwhile) {
  for (const char* name : {"found", "made", "matched", "left"}) (void)hub_->find_or_create(name);
  const protocol::SystemMicros then = protocol::system_now() + kTtl * 2;
  EXPECT_THAT(hub_->expire(then), testing::SizeIs(4));
  Channel* const found = hub_->find("found");
  Channel* const made = hub_->find_or_create("made");
  EXPECT_THAT(hub_->matching(*protocol::Pattern::parse("matched")), testing::SizeIs(1));
  hub_->forget(then);
  EXPECT_EQ(hub_->channel_count(), 3U);
  EXPECT_EQ(hub_->find("found"), found);
  EXPECT_EQ(hub_->find("made"), made);
  EXPECT_EQ(hub_->find("left"), nullptr);
}

TEST_F(HubTest, TellsAShardOfChannelsThatMatchBeforeAndAfter) {
  (void)hub_->find_or_create("m/old");
  add_pattern("m/*", 0);
  add_pattern("m/*", 2);
  add_pattern("**", 1);
  EXPECT_EQ(heard("m/old"), "012");
  EXPECT_EQ(heard("m/new"), "012");
  EXPECT_EQ(heard("other"), "1");
}

TEST_F(HubTest, TellsAShardOfNoMoreNewChannelsOnceThePatternIsGone) {
  add_pattern("m/*", 0);
  add_pattern("m/*", 2);
  hub_->remove_pattern("m/*", 0);
  EXPECT_EQ(heard("m/new"), "2");
  hub_->remove_pattern("m/*", 2);
  hub_->remove_pattern("m/*", 2);
  hub_->remove_pattern("never", 1);
  EXPECT_EQ(heard("m/newer"), "");
}

TEST_F(HubTest, DrawsTokensOfTheLengthAskedFor) {
  EXPECT_THAT(random_token(8), testing::MatchesRegex("[0-9a-v]{8}"));
  EXPECT_EQ(random_token(0), "");
  EXPECT_NE(random_token(12), random_token(12));
}

}  // namespace
}  // namespace wskit::server
