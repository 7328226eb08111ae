#include "wsserve/channel/channel_shares.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "wsserve/broker/memory_broker.h"
#include "wsserve/channel/hub.h"
#include "wsserve/loop/inbox.h"

namespace wskit::server {
namespace {

TEST(ChannelShares, CountsEachByItself) {
  ChannelShares shares;
  EXPECT_TRUE(shares.has_room("ann", 2));
  ChannelShares::Share* ann = shares.take("ann");
  EXPECT_EQ(shares.take("ann"), ann);
  EXPECT_EQ(ann->channels(), 2U);
  EXPECT_FALSE(shares.has_room("ann", 2));
  EXPECT_TRUE(shares.has_room("ann", 3));
  EXPECT_TRUE(shares.has_room("ann", 0)) << "no limit";
  EXPECT_TRUE(shares.has_room("bob", 2));
  shares.give_back(ann);
  EXPECT_TRUE(shares.has_room("ann", 2));
}

TEST(ChannelShares, RemembersNobodyWithoutAChannel) {
  ChannelShares shares;
  for (int i = 0; i < 100; ++i) shares.give_back(shares.take("client " + std::to_string(i)));
  EXPECT_EQ(shares.size(), 0U);
}

TEST(ChannelShares, DoesNotCountThoseWithoutAName) {
  ChannelShares shares;
  EXPECT_EQ(shares.take(""), nullptr);
  EXPECT_TRUE(shares.has_room("", 1));
  shares.give_back(nullptr);
  EXPECT_EQ(shares.size(), 0U);
}

class SharedHubTest : public testing::Test {
 protected:
  SharedHubTest() {
    inboxes_.push_back(std::make_unique<Inbox>());
    hub_ = std::make_unique<Hub>(inboxes_, limits(2), ChannelRules{}, broker_);
  }

  static HubLimits limits(std::size_t per_client) {
    return {.max_channels = 10, .max_channels_per_client = per_client};
  }

  bool makes(const std::string& name, const std::string& client) {
    const Hub::Made made = hub_->find_or_create(name, client);
    EXPECT_EQ(made.share_is_taken, made.channel == nullptr) << name;
    return made.channel != nullptr;
  }

  // The first event of a channel, by that client.
  void publish(const std::string& name, const std::string& client) {
    Channel& channel = *hub_->find_or_create(name, client).channel;
    (void)channel.publish(
        {.channel = name, .type = "t", .timestamp = {}, .key = {}, .dedup = {}, .data = "1"},
        {protocol::system_now(), "2026-01-01T00:00:00Z"});
    hub_->born(channel, client);
  }

  void forget_idle() {
    (void)hub_->expire(protocol::system_now());
    hub_->forget(protocol::system_now());
  }

  std::vector<std::unique_ptr<Inbox>> inboxes_;
  broker::MemoryBroker broker_;
  std::unique_ptr<Hub> hub_;
};

TEST_F(SharedHubTest, MakesNoMoreChannelsForAClientThanItsShare) {
  EXPECT_TRUE(makes("a", "ann"));
  EXPECT_TRUE(makes("b", "ann"));
  EXPECT_FALSE(makes("c", "ann"));
  EXPECT_TRUE(makes("a", "ann")) << "it is there";
  EXPECT_TRUE(makes("c", "bob"));
  EXPECT_TRUE(makes("c", "ann")) << "it is there";
  EXPECT_TRUE(makes("d", "")) << "nobody's";
}

TEST_F(SharedHubTest, CountsAChannelUntilItIsForgotten) {
  EXPECT_TRUE(makes("a", "ann"));
  EXPECT_TRUE(makes("b", "ann"));
  hub_->find("a")->show_interest(0);
  forget_idle();
  EXPECT_TRUE(makes("c", "ann"));
  EXPECT_FALSE(makes("d", "ann")) << "somebody listens to a";
}

TEST_F(SharedHubTest, CountsAChannelToItsFirstPublisherAndNoLongerToItsReader) {
  EXPECT_TRUE(makes("a", "reader"));
  EXPECT_TRUE(makes("b", "reader"));
  publish("a", "writer");
  EXPECT_TRUE(makes("c", "reader"));
  EXPECT_TRUE(makes("d", "writer"));
  EXPECT_FALSE(makes("e", "writer"));
}

TEST_F(SharedHubTest, LeavesAChannelWithItsReaderWhereThePublisherHasItsShareAlready) {
  EXPECT_TRUE(makes("a", "reader"));
  EXPECT_TRUE(makes("b", "writer"));
  EXPECT_TRUE(makes("c", "writer"));
  publish("a", "writer");
  EXPECT_TRUE(makes("d", "reader"));
  EXPECT_FALSE(makes("e", "reader"));
}

TEST_F(SharedHubTest, CountsToNobodyWhatIsPublishedByThoseWhoAreNotCounted) {
  EXPECT_TRUE(makes("a", "reader"));
  EXPECT_TRUE(makes("b", "reader"));
  publish("a", "");
  publish("b", "");
  EXPECT_TRUE(makes("c", "reader"));
}

TEST_F(SharedHubTest, TakesUpAnotherLimit) {
  EXPECT_TRUE(makes("a", "ann"));
  EXPECT_TRUE(makes("b", "ann"));
  (void)hub_->reload(limits(3), ChannelRules{}, protocol::system_now());
  EXPECT_TRUE(makes("c", "ann"));
  EXPECT_FALSE(makes("d", "ann"));
  (void)hub_->reload(limits(1), ChannelRules{}, protocol::system_now());
  EXPECT_NE(hub_->find("c"), nullptr) << "none is taken back";
  (void)hub_->reload(limits(0), ChannelRules{}, protocol::system_now());
  EXPECT_TRUE(makes("d", "ann"));
}

}  // namespace
}  // namespace wskit::server
