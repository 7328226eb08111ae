#include "wsserve/presence/presence.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "wsserve/broker/memory_broker.h"
#include "wsserve/channel/hub.h"
#include "wsserve/frame/event_frame.h"
#include "wsserve/loop/inbox.h"

namespace wskit::server::people {
namespace {

using namespace std::chrono_literals;

class PresenceTest : public testing::Test {
 protected:
  static Presence::Member anonymous(const std::string& connection) { return {connection, ""}; }
  static Presence::Member user(const std::string& name, const std::string& connection) {
    return {connection, name};
  }
  void watch(const std::string& channels) { presence_.watch(*protocol::Pattern::parse(channels)); }
  void unwatch(const std::string& channels) { presence_.unwatch(*protocol::Pattern::parse(channels)); }

  // What was told of the channel so far: "join ann/1, leave ann/1, join /2".
  std::string told(const std::string& channel) {
    Channel* of = hub_.find("@presence/" + channel);
    if (of == nullptr) return {};
    std::vector<ChunkPtr> frames;
    (void)of->begin_replay(protocol::FromStart{}, SIZE_MAX, frames);
    std::string text;
    for (const ChunkPtr& frame : frames) {
      const auto data = nlohmann::json::parse(view_event_frame(*frame, of->name()).data);
      const std::string who = data.at("user").is_null() ? "" : data.at("user").get<std::string>();
      text += fmt::format("{}{} {}/{}", text.empty() ? "" : ", ", frame->type(), who,
                          data.at("connection").get<std::string>());
    }
    return text;
  }

  const std::vector<std::unique_ptr<Inbox>> inboxes_{};
  broker::MemoryBroker broker_;
  Hub hub_{inboxes_, HubLimits{}, ChannelRules{}, broker_};
  Presence presence_{hub_};
  Clock::time_point now_ = Clock::time_point() + 1h;
};

TEST_F(PresenceTest, TellsOfChannelsThatAreWatchedAlone) {
  presence_.came("a", anonymous("1"));
  watch("b/*");
  EXPECT_TRUE(presence_.is_watched("b/x"));
  presence_.came("b/x", anonymous("1"));
  presence_.came("c", anonymous("1"));
  EXPECT_EQ(told("a"), "");
  EXPECT_EQ(told("b/x"), "join /1");
  EXPECT_EQ(told("c"), "");
}

TEST_F(PresenceTest, AUserComesWithTheFirstConnectionAndLeavesWithTheLast) {
  watch("a");
  presence_.came("a", user("ann", "1"));
  presence_.came("a", user("ann", "2"));
  presence_.went("a", user("ann", "1"), now_);
  EXPECT_FALSE(presence_.tell_left(now_ + 1h)) << "nobody is about to leave";
  presence_.went("a", user("ann", "2"), now_);
  EXPECT_EQ(told("a"), "join ann/1");
  EXPECT_FALSE(presence_.tell_left(now_ + Presence::kPatience));
  EXPECT_EQ(told("a"), "join ann/1, leave ann/2");
}

TEST_F(PresenceTest, WhoIsBackInTimeHasNotLeft) {
  watch("a");
  presence_.came("a", user("ann", "1"));
  presence_.went("a", user("ann", "1"), now_);
  EXPECT_EQ(presence_.tell_left(now_ + Presence::kPatience - 1ms), now_ + Presence::kPatience);
  presence_.came("a", user("ann", "2"));
  EXPECT_FALSE(presence_.tell_left(now_ + 1h));
  EXPECT_EQ(told("a"), "join ann/1");
}

TEST_F(PresenceTest, SaysWhenTheNextOneIsDue) {
  watch("**");
  for (const char* channel : {"a", "b"}) presence_.came(channel, anonymous("1"));
  presence_.went("b", anonymous("1"), now_ + 5ms);
  presence_.went("a", anonymous("1"), now_);
  EXPECT_EQ(presence_.tell_left(now_), now_ + Presence::kPatience);
  EXPECT_EQ(presence_.tell_left(now_ + Presence::kPatience), now_ + Presence::kPatience + 5ms);
  EXPECT_EQ(told("a"), "join /1, leave /1");
  EXPECT_EQ(told("b"), "join /1");
}

TEST_F(PresenceTest, DoesNotTakeAUserForAConnectionOfThatName) {
  watch("a");
  presence_.came("a", anonymous("1"));
  presence_.came("a", user("1", "2"));
  EXPECT_EQ(told("a"), "join /1, join 1/2");
}

TEST_F(PresenceTest, WhoWasThereBeforeIsToldOfWhenLeavingOnly) {
  watch("a");
  presence_.was_here("a", anonymous("1"));
  presence_.came("a", anonymous("1"));
  presence_.went("a", anonymous("1"), now_);
  (void)presence_.tell_left(now_ + 1h);
  EXPECT_EQ(told("a"), "leave /1");
}

TEST_F(PresenceTest, KnowsNothingOfWhoWentWhileNobodyWatched) {
  watch("a");
  watch("a");
  presence_.came("a", anonymous("1"));
  unwatch("a");
  EXPECT_TRUE(presence_.any_watched());
  EXPECT_TRUE(presence_.is_watched("a"));
  unwatch("a");
  EXPECT_FALSE(presence_.any_watched());
  presence_.went("a", anonymous("1"), now_);
  watch("a");
  EXPECT_FALSE(presence_.tell_left(now_ + 1h));
  EXPECT_EQ(told("a"), "join /1");
}

TEST_F(PresenceTest, IgnoresAnEndWithoutABeginning) {
  watch("a");
  presence_.went("a", anonymous("1"), now_);
  presence_.came("a", user("ann", "1"));
  presence_.went("a", user("ann", "2"), now_);
  EXPECT_FALSE(presence_.tell_left(now_ + 1h));
  EXPECT_EQ(told("a"), "join ann/1");
}

}  // namespace
}  // namespace wskit::server::people
