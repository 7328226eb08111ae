#include "wsserve/broker/dedup_window.h"

#include <gtest/gtest.h>

#include <string>

namespace wskit::server {
namespace {

using namespace std::chrono_literals;

class DedupWindowTest : public testing::Test {
 protected:
  // Accepts the ids first … last, each with the offset of its number, a second apart.
  void accept(int first, int last) {
    for (int i = first; i <= last; ++i) {
      now_ += 1s;
      EXPECT_FALSE(knows(i)) << i;
      window_.add(std::to_string(i), static_cast<std::uint64_t>(i), now_, limits_);
    }
  }
  bool knows(int id) {
    const auto offset = window_.find(std::to_string(id), now_, limits_);
    EXPECT_EQ(offset.value_or(static_cast<std::uint64_t>(id)), static_cast<std::uint64_t>(id));
    return offset.has_value();
  }

  DedupLimits limits_{.max_ids = 5, .max_age = 1min};
  protocol::SystemMicros now_{1h};
  // Room for many more ids than the limits.
  MemoryBudget budget_{std::size_t{1} << 20};
  DedupWindow window_{budget_};
};

TEST_F(DedupWindowTest, KnowsTheNewestIdsUpToTheirNumber) {
  accept(1, 7);
  EXPECT_FALSE(knows(2));
  EXPECT_TRUE(knows(3));
  EXPECT_TRUE(knows(7));
  EXPECT_EQ(window_.size(), 5U);
}

TEST_F(DedupWindowTest, ForgetsIdsThatAreTooOld) {
  accept(1, 2);
  now_ += 59s;
  EXPECT_TRUE(knows(1));
  now_ += 1s;
  EXPECT_FALSE(knows(1));
  EXPECT_TRUE(knows(2));
}

TEST_F(DedupWindowTest, ForgetsIdsWhoseEventsWereTakenBack) {
  accept(1, 4);
  window_.forget_from(3);
  EXPECT_TRUE(knows(2));
  EXPECT_FALSE(knows(3));
  EXPECT_FALSE(knows(4));
}

TEST_F(DedupWindowTest, ForgetsTheOldestPastWhatAllWindowsMayTakeTogether) {
  constexpr std::size_t kBytes = DedupWindow::kOverheadBytes + 1;  // of an id of one digit
  budget_.set_max_bytes(4 * kBytes);
  {
    DedupWindow other(budget_);
    other.add("x", 1, now_, limits_);
    accept(1, 4);
    EXPECT_FALSE(knows(1));
    EXPECT_TRUE(knows(2));
    EXPECT_TRUE(other.find("x", now_, limits_)) << "the one that grows pays";
    EXPECT_EQ(budget_.bytes(), 4 * kBytes);
    EXPECT_EQ(budget_.evicted(), 1U);
  }
  EXPECT_EQ(budget_.bytes(), 3 * kBytes) << "one that ends gives its share back";
  window_.forget_from(1);
  EXPECT_EQ(budget_.bytes(), 0U);
}

TEST_F(DedupWindowTest, FollowsALimitThatShrinks) {
  accept(1, 5);
  limits_.max_ids = 2;
  EXPECT_FALSE(knows(3));
  EXPECT_TRUE(knows(4));
  EXPECT_EQ(window_.size(), 2U);
  limits_.max_ids = 0;
  window_.expire(now_, limits_);
  EXPECT_EQ(window_.size(), 0U);
}

}  // namespace
}  // namespace wskit::server
