#include "wsserve/connection/conflation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "wsserve/broker/memory_broker.h"
#include "wsserve/channel/channel.h"
#include "wsserve/loop/inbox.h"

namespace wskit::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

class ConflationTest : public testing::Test {
 protected:
  // The frame of a new event, as a shard would get it.
  ChunkPtr event(const std::string& key, const std::string& data = "1") {
    const std::string quoted = "\"" + key + "\"";
    protocol::PublishEvent event{
        .channel = "c", .type = "t", .timestamp = {}, .key = {}, .dedup = {}, .data = data};
    if (!key.empty()) event.key = quoted;
    std::uint64_t seam = 0;
    (void)channel_.join(0, seam);
    (void)channel_.publish(event, {{}, "2026-11-20T10:00:00.000000Z"});
    std::vector<Delivery> deliveries;
    std::vector<Inbox::Task> tasks;
    inboxes_.front()->take(deliveries, tasks);
    return deliveries.back().frame;
  }

  void wait(const std::string& key, Conflation::Interval interval = {}) {
    conflation_.put(channel_, event(key), interval);
  }

  // The texts of everything that may go out at `now`.
  std::vector<std::string> taken(Conflation::Time now = Conflation::Time::max()) {
    std::vector<std::string> seen;
    while (const ChunkPtr frame = conflation_.take(now)) seen.push_back(std::string(frame->text()));
    return seen;
  }

  const std::array<std::unique_ptr<Inbox>, 1> inboxes_{std::make_unique<Inbox>()};
  MemoryBudget budget_{1 << 20};
  Producers producers_;
  AgeClock ages_;
  broker::Shared shared_{budget_, producers_, ages_};
  broker::MemoryBroker broker_;
  Channel channel_{"c", "e", ChannelOptions{}, {inboxes_, budget_, shared_, broker_}, 0};
  Conflation conflation_;
  const Conflation::Time start_ = Conflation::Time() + 1h;
};

TEST_F(ConflationTest, KeepsTheNewestOfEachKeyAndSaysWhatItStandsFor) {
  wait("a");
  wait("b");
  wait("a");
  wait("a");
  EXPECT_THAT(
      taken(),
      ElementsAre(
          R"({"type":"t","channel":"c","offset":2,"timestamp":"2026-11-20T10:00:00.000000Z","key":"b","data":1})",
          R"({"type":"t","channel":"c","offset":4,"timestamp":"2026-11-20T10:00:00.000000Z","key":"a",)"
          R"("from":1,"merged":2,"data":1})"));
  EXPECT_TRUE(conflation_.empty());
  EXPECT_EQ(conflation_.bytes(), 0U);
}

TEST_F(ConflationTest, TakesTheWholeChannelAsOneWhereEventsHaveNoKey) {
  wait("");
  wait("");
  EXPECT_THAT(taken(), ElementsAre(HasSubstr(R"("offset":2)")));
}

TEST_F(ConflationTest, LetsAnEventPassOnlyWhenItsIntervalIsOver) {
  const ChunkPtr first = event("a");
  EXPECT_TRUE(conflation_.may_pass(channel_, *first, start_, 100ms));
  EXPECT_FALSE(conflation_.may_pass(channel_, *first, start_ + 99ms, 100ms));
  EXPECT_TRUE(conflation_.may_pass(channel_, *event("b"), start_ + 99ms, 100ms)) << "another key";
  wait("a", 100ms);
  EXPECT_EQ(conflation_.next_due(), start_ + 100ms);
  EXPECT_TRUE(taken(start_ + 99ms).empty());
  EXPECT_EQ(taken(start_ + 100ms).size(), 1U);
}

// S2: whoever comes back with the newest offset that it has must have missed nothing before it.
TEST_F(ConflationTest, LetsNoEventOvertakeAnotherOneOfItsChannelThatWaits) {
  EXPECT_TRUE(conflation_.may_pass(channel_, *event("a"), start_, 100ms));
  EXPECT_TRUE(conflation_.may_pass(channel_, *event("b"), start_ + 50ms, 100ms));
  wait("a", 100ms);
  wait("b", 100ms);
  const ChunkPtr other = event("c");
  EXPECT_FALSE(conflation_.may_pass(channel_, *other, start_ + 60ms, 100ms)) << "although c never came";
  conflation_.put(channel_, other, 100ms);
  wait("a", 100ms);
  EXPECT_EQ(conflation_.next_due(), start_ + 150ms) << "the time of b";
  EXPECT_TRUE(taken(start_ + 149ms).empty());
  EXPECT_THAT(taken(start_ + 150ms), ElementsAre(HasSubstr(R"("offset":4,)"), HasSubstr(R"("offset":5,)"),
                                                 HasSubstr(R"("offset":6,)")));
  EXPECT_TRUE(conflation_.empty());
}

// S2
TEST_F(ConflationTest, SendsEachKeyOnceInItsIntervalAndEachChannelInOrderWhateverComes) {
  std::mt19937 random(20'261'120);
  constexpr auto kInterval = 100ms;
  std::map<std::string, Conflation::Time> sent;
  std::uint64_t newest = 0;
  Conflation::Time first_wait{};
  const auto see = [&](const Chunk& frame, Conflation::Time now) {
    EXPECT_GT(frame.event.offset, newest);
    newest = frame.event.offset;
    const std::string key(frame.key());
    if (sent.contains(key)) {
      EXPECT_GE(now - sent[key], kInterval) << key;
    }
    sent[key] = now;
  };
  Conflation::Time now = start_;
  for (int step = 0; step < 20'000; ++step) {
    now += std::chrono::milliseconds(random() % 8);
    while (const ChunkPtr frame = conflation_.take(now)) see(*frame, now);
    if (conflation_.empty()) first_wait = {};
    if (first_wait != Conflation::Time{}) {
      ASSERT_LE(now - first_wait, kInterval + 8ms) << "nothing waits longer";
    }
    const ChunkPtr frame = event(std::string(1, static_cast<char>('a' + random() % 12)));
    if (conflation_.may_pass(channel_, *frame, now, kInterval)) {
      see(*frame, now);
    } else {
      conflation_.put(channel_, frame, kInterval);
      if (first_wait == Conflation::Time{}) first_wait = now;
    }
  }
  EXPECT_EQ(sent.size(), 12U);
}

TEST_F(ConflationTest, KeepsNoEventBackByAPaceThatWasGivenUp) {
  EXPECT_TRUE(conflation_.may_pass(channel_, *event("a"), start_, 100ms));
  wait("b");
  wait("a");
  EXPECT_EQ(taken(start_).size(), 2U);
}

TEST_F(ConflationTest, HandsOutWhatWaitsOfOneChannelInTheOrderOfItsOffsets) {
  EXPECT_TRUE(conflation_.may_pass(channel_, *event("a"), start_, 100ms));
  wait("a", 100ms);
  wait("b");
  wait("a", 100ms);
  const std::vector<ChunkPtr> frames = conflation_.take_all_of(channel_, start_);
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0]->event.offset, 3U);
  EXPECT_THAT(std::string(frames[1]->text()), HasSubstr(R"("offset":4,)"));
  EXPECT_THAT(std::string(frames[1]->text()), HasSubstr(R"("from":2,"merged":1)"));
  EXPECT_TRUE(conflation_.empty());
}

TEST_F(ConflationTest, GivesEverythingAtTheEndOfTimeWithoutPassingIt) {
  wait("a", 1h);
  wait("b");
  EXPECT_EQ(taken(Conflation::Time::max()).size(), 2U);
  wait("a", 1h);
  EXPECT_EQ(taken(Conflation::Time::max()).size(), 1U);
}

TEST_F(ConflationTest, RemembersNoMoreKeysThanItHasRoomFor) {
  const std::string long_name(1000, 'k');
  std::size_t most = 0;
  for (int i = 0; i < 30'000; ++i) {
    EXPECT_TRUE(conflation_.may_pass(channel_, *event(long_name + std::to_string(i)), start_ + i * 1ms, 1h));
    most = std::max(most, conflation_.slot_bytes());
  }
  EXPECT_LT(most, 2 * Conflation::kMaxIdleBytes);
  EXPECT_FALSE(conflation_.may_pass(channel_, *event(long_name + "29999"), start_ + 1min, 1h))
      << "one of the last is remembered";
}

TEST_F(ConflationTest, RemembersNothingOfKeysWhoseTimeIsOver) {
  for (int i = 0; i < 100'000; ++i) {
    EXPECT_TRUE(conflation_.may_pass(channel_, *event(std::to_string(i)), start_ + i * 1ms, 10ms));
  }
  EXPECT_LT(conflation_.slot_bytes(), std::size_t{1} << 20);
}

TEST_F(ConflationTest, KeepsNoTraceOfWhatIsNotWantedAnyMore) {
  wait("a");
  wait("b", 1h);
  (void)conflation_.forget_if([](const Channel&) { return true; });
  EXPECT_EQ(conflation_.slot_bytes(), 0U);
}

TEST_F(ConflationTest, ForgetsWhatIsNotWantedAnyMore) {
  wait("a");
  wait("b", 1h);
  wait("a");
  EXPECT_EQ(conflation_.forget_if([](const Channel&) { return false; }).waited, 0U);
  const Conflation::Forgotten forgotten = conflation_.forget_if([](const Channel&) { return true; });
  EXPECT_EQ(forgotten.waited, 2U);
  EXPECT_EQ(forgotten.merged, 1U) << "the first of a, for which the second stood";
  EXPECT_TRUE(conflation_.empty());
  EXPECT_EQ(conflation_.bytes(), 0U);
  EXPECT_TRUE(taken().empty());
}

}  // namespace
}  // namespace wskit::server
