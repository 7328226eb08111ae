#include "wsserve/broker/sequence_windows.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <random>
#include <set>
#include <string>

namespace wskit::server {
namespace {

using namespace std::chrono_literals;
using Kind = SequenceWindows::Verdict::Kind;

class SequenceWindowsTest : public testing::Test {
 protected:
  // As a channel does: asks, and takes what is new.
  Kind publish(std::int64_t sequence, const ProducerPtr& producer) {
    const auto verdict = windows_.check(*producer, sequence, now_, limits_);
    if (verdict.kind == Kind::kNew) windows_.add(producer, sequence, ++offset_, now_, limits_);
    return verdict.kind;
  }
  Kind publish(std::int64_t sequence) { return publish(sequence, producer_); }
  std::uint64_t first_offset(std::int64_t sequence) {
    const auto verdict = windows_.check(*producer_, sequence, now_, limits_);
    return verdict.kind == Kind::kDuplicate ? verdict.offset : 0;
  }

  DedupLimits limits_{.max_ids = 5, .max_age = 16min, .max_producers = 3};
  protocol::SystemMicros now_{std::chrono::hours{1'000}};
  MemoryBudget budget_{std::size_t{1} << 20};
  Producers producers_;
  ProducerPtr producer_ = producers_.find_or_create("p");
  std::uint64_t offset_ = 0;
  SequenceWindows windows_{budget_};
};

TEST_F(SequenceWindowsTest, KnowsWhatItHasAcceptedWithTheFirstOffset) {
  EXPECT_EQ(publish(3), Kind::kNew);
  EXPECT_EQ(publish(10), Kind::kNew);
  EXPECT_EQ(publish(3), Kind::kDuplicate);
  EXPECT_EQ(publish(10), Kind::kDuplicate);
  EXPECT_EQ(first_offset(3), 1U);
  EXPECT_EQ(first_offset(10), 2U);
}

TEST_F(SequenceWindowsTest, AcceptsWhatItNeverHadBetweenTheOldestAndTheNewest) {
  for (const std::int64_t sequence : {3, 10, 7, 5}) EXPECT_EQ(publish(sequence), Kind::kNew) << sequence;
  for (const std::int64_t sequence : {3, 5, 7, 10})
    EXPECT_EQ(publish(sequence), Kind::kDuplicate) << sequence;
  EXPECT_EQ(first_offset(7), 3U);
  EXPECT_EQ(first_offset(5), 4U);
}

TEST_F(SequenceWindowsTest, RefusesWhatIsOlderThanTheOldestItRemembers) {
  for (std::int64_t sequence = 1; sequence <= 8; ++sequence) publish(sequence);
  const auto verdict = windows_.check(*producer_, 3, now_, limits_);
  EXPECT_EQ(verdict.kind, Kind::kForgotten);
  EXPECT_EQ(verdict.oldest, 4);
  EXPECT_EQ(publish(4), Kind::kDuplicate);
  EXPECT_EQ(windows_.size(), 5U);
}

TEST_F(SequenceWindowsTest, RefusesWhatIsOlderThanTheFirst) {
  publish(10);
  EXPECT_EQ(publish(9), Kind::kForgotten);
}

TEST_F(SequenceWindowsTest, ALateOneThatIsFullForcesOutTheOldest) {
  for (const std::int64_t sequence : {10, 20, 30, 40, 50}) publish(sequence);
  EXPECT_EQ(publish(25), Kind::kNew);
  EXPECT_EQ(publish(10), Kind::kForgotten);
  for (const std::int64_t sequence : {20, 25, 30, 40, 50}) EXPECT_EQ(publish(sequence), Kind::kDuplicate);
}

TEST_F(SequenceWindowsTest, ProducersDoNotKnowEachOther) {
  const ProducerPtr other = producers_.find_or_create("q");
  EXPECT_EQ(publish(5), Kind::kNew);
  EXPECT_EQ(publish(5, other), Kind::kNew);
  EXPECT_EQ(publish(5), Kind::kDuplicate);
  EXPECT_EQ(publish(4, other), Kind::kForgotten);
  EXPECT_EQ(publish(6, other), Kind::kNew);
}

TEST_F(SequenceWindowsTest, ForgetsWhatIsTooOld) {
  publish(1);
  now_ += 10min;
  publish(2);
  now_ += 7min;
  EXPECT_EQ(publish(1), Kind::kForgotten);
  EXPECT_EQ(publish(2), Kind::kDuplicate);
  now_ += 10min;
  windows_.expire(now_, limits_);
  EXPECT_TRUE(windows_.empty());
  EXPECT_EQ(budget_.bytes(), 0U);
  EXPECT_EQ(publish(1), Kind::kNew) << "nothing is known of the producer any more";
}

TEST_F(SequenceWindowsTest, RemembersForAsLongAsItSays) {
  limits_.max_ids = 100'000;
  std::int64_t sequence = 0;
  const auto begin = now_;
  for (; now_ - begin < 40min; now_ += 1s) {
    publish(++sequence);
    const std::int64_t young = sequence - 16 * 60;
    if (young > 0) {
      ASSERT_EQ(publish(young), Kind::kDuplicate) << sequence;
    }
    const std::int64_t old = sequence - 18 * 60;
    if (old > 0) {
      ASSERT_EQ(publish(old), Kind::kForgotten) << sequence;
    }
  }
}

TEST_F(SequenceWindowsTest, ForgetsEventsThatWereTakenBack) {
  for (std::int64_t sequence = 1; sequence <= 4; ++sequence) publish(sequence);
  windows_.forget_from(3);
  offset_ = 2;
  EXPECT_EQ(publish(2), Kind::kDuplicate);
  EXPECT_EQ(publish(3), Kind::kNew);
  EXPECT_EQ(first_offset(3), 3U);
  windows_.forget_from(1);
  EXPECT_TRUE(windows_.empty());
}

TEST_F(SequenceWindowsTest, DoesNotAcceptAgainWhatItForgotBeforeSomethingWasTakenBack) {
  for (std::int64_t sequence = 1; sequence <= 9; ++sequence) publish(sequence);
  windows_.forget_from(5);  // 1 to 4 are forgotten for their number
  EXPECT_EQ(publish(4), Kind::kForgotten);
  EXPECT_EQ(publish(5), Kind::kNew);
}

TEST_F(SequenceWindowsTest, ForgetsTheProducerThatHasBeenQuietForLongest) {
  const ProducerPtr quiet = producers_.find_or_create("quiet");
  publish(1, quiet);
  publish(2, quiet);
  for (const char* name : {"a", "b"}) publish(1, producers_.find_or_create(name));
  publish(1);
  EXPECT_EQ(windows_.producers(), 3U);
  EXPECT_EQ(budget_.evicted(), 2U);
  EXPECT_EQ(publish(1), Kind::kDuplicate);
  EXPECT_EQ(publish(1, producers_.find_or_create("a")), Kind::kDuplicate);
  EXPECT_EQ(publish(1, quiet), Kind::kNew);
}

TEST_F(SequenceWindowsTest, ForgetsTheOldestPastWhatAllWindowsMayTakeTogether) {
  limits_.max_ids = 1'000;
  budget_.set_max_bytes(SequenceWindows::kOverheadBytes + 64 * 16);
  for (std::int64_t sequence = 1; sequence <= 500; ++sequence) publish(sequence);
  EXPECT_LE(budget_.bytes(), budget_.max_bytes());
  EXPECT_EQ(windows_.size(), 64U);
  EXPECT_EQ(budget_.evicted(), 500U - 64U);
  EXPECT_EQ(publish(500 - 64), Kind::kForgotten);
  EXPECT_EQ(publish(500 - 63), Kind::kDuplicate);
  budget_.set_max_bytes(SequenceWindows::kOverheadBytes + 16 * 16);
  windows_.expire(now_, limits_);
  EXPECT_EQ(windows_.size(), 16U);
  EXPECT_EQ(publish(500), Kind::kDuplicate);
  budget_.set_max_bytes(0);
  windows_.expire(now_, limits_);
  EXPECT_TRUE(windows_.empty());
  EXPECT_EQ(publish(501), Kind::kNew);
  EXPECT_TRUE(windows_.empty());
}

TEST_F(SequenceWindowsTest, FollowsALimitThatShrinks) {
  for (std::int64_t sequence = 1; sequence <= 5; ++sequence) publish(sequence);
  limits_.max_ids = 2;
  EXPECT_EQ(publish(6), Kind::kNew);
  EXPECT_EQ(windows_.size(), 2U);
  EXPECT_EQ(publish(4), Kind::kForgotten);
  limits_.max_ids = 0;
  windows_.expire(now_, limits_);
  EXPECT_TRUE(windows_.empty());
  EXPECT_EQ(publish(6), Kind::kNew);
  EXPECT_TRUE(windows_.empty()) << "nothing is remembered";
}

TEST_F(SequenceWindowsTest, AnEventRememberedTakesNoMoreThan32Bytes) {
  limits_.max_ids = 10'000;
  for (std::int64_t sequence = 1; sequence <= 100'000; ++sequence) publish(sequence);
  EXPECT_EQ(windows_.size(), 10'000U);
  EXPECT_LE(budget_.bytes(), 10'000U * 32);
}

// Against a set of all that was ever accepted.
TEST_F(SequenceWindowsTest, NeverAcceptsTwiceAndNeverCallsADuplicateWhatItNeverHad) {
  std::mt19937 random(7);
  limits_.max_ids = 20;
  std::set<std::int64_t> accepted;
  std::optional<std::int64_t> oldest;
  std::int64_t newest = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::int64_t sequence =
        random() % 3 == 0 ? newest + 1 + static_cast<std::int64_t>(random() % 3)
                          : std::max<std::int64_t>(0, newest - static_cast<std::int64_t>(random() % 50));
    const Kind kind = publish(sequence);
    const bool had = accepted.contains(sequence);
    ASSERT_TRUE(!had || kind != Kind::kNew) << sequence;
    ASSERT_TRUE(had || kind != Kind::kDuplicate) << sequence;
    if (kind == Kind::kNew) accepted.insert(sequence);
    newest = std::max(newest, sequence);
    oldest = *std::next(accepted.rbegin(), std::min<std::ptrdiff_t>(20, std::ssize(accepted)) - 1);
    ASSERT_EQ(publish(*oldest), Kind::kDuplicate);
    if (*oldest > 0) {
      ASSERT_EQ(publish(*oldest - 1), Kind::kForgotten);
    }
  }
}

TEST(ProducersTest, OfOneNameAreTheSameForAsLongAsSomebodyHoldsThem) {
  Producers producers;
  ProducerPtr one = producers.find_or_create("one");
  EXPECT_EQ(producers.find_or_create("one"), one);
  EXPECT_NE(producers.find_or_create("other"), one);
  EXPECT_EQ(producers.size(), 1U);
  one->accepted(7);
  one->accepted(5);
  EXPECT_EQ(one->newest(), 7);
  one.reset();
  EXPECT_EQ(producers.size(), 0U);
  EXPECT_EQ(producers.find_or_create("one")->newest(), -1);
}

TEST(ProducersTest, MayOutliveTheRegistry) {
  auto producers = std::make_unique<Producers>();
  const ProducerPtr one = producers->find_or_create("one");
  producers.reset();
  EXPECT_EQ(one->name(), "one");
}

}  // namespace
}  // namespace wskit::server
