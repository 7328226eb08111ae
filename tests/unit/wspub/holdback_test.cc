#include "wspub/holdback.h"

#include <gtest/gtest.h>

#include <limits>

namespace wskit::pub {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
const Holdback::Time kStart{1h};

class HoldbackTest : public testing::Test {
 protected:
  // An attempt that is refused, after the wait.
  void refuse(std::optional<std::chrono::nanoseconds> retry_after = {}) {
    holdback_.refused(retry_after);
    ASSERT_TRUE(holdback_.wait(kStart));
    holdback_.resume();
  }

  client::ReconnectPolicy policy_;
  Holdback holdback_{policy_, 1};
};

TEST_F(HoldbackTest, AtFirstNothingIsHeldBack) {
  EXPECT_EQ(holdback_.limit(), kNoLimit);
  EXPECT_FALSE(holdback_.accepted(kStart));
}

TEST_F(HoldbackTest, AfterARefusalNothingGoesAndThenOneAtATime) {
  EXPECT_TRUE(holdback_.refused({}));
  EXPECT_EQ(holdback_.limit(), 0U);
  EXPECT_FALSE(holdback_.refused({})) << "told once";
  EXPECT_TRUE(holdback_.wait(kStart));
  holdback_.resume();
  EXPECT_EQ(holdback_.limit(), 1U);
  EXPECT_TRUE(holdback_.accepted(kStart));
  EXPECT_EQ(holdback_.limit(), kNoLimit);
}

TEST_F(HoldbackTest, WhatWasOnItsWayAtTheRefusalProvesNothing) {
  holdback_.refused({});
  EXPECT_FALSE(holdback_.accepted(kStart));
  EXPECT_EQ(holdback_.limit(), 0U);
}

TEST_F(HoldbackTest, AServerThatRefusesAgainIsAskedMoreCarefully) {
  for (const int alone : {1, 2, 4, 8}) {
    refuse();
    for (int i = 0; i < alone; ++i) {
      EXPECT_EQ(holdback_.limit(), 1U) << i << " of " << alone;
      holdback_.accepted(kStart);
    }
    EXPECT_EQ(holdback_.limit(), kNoLimit);
  }
}

TEST_F(HoldbackTest, AWaitIsShortAndTheServersWordCounts) {
  for (int i = 0; i < 20; ++i) {
    holdback_.refused({});
    EXPECT_LE(holdback_.wait(kStart).value(), 5s);
  }
  holdback_.refused(3s);
  holdback_.refused(1s);
  EXPECT_EQ(holdback_.wait(kStart), 3s);
}

TEST_F(HoldbackTest, TheAttemptsAreLimitedAsThoseToConnect) {
  policy_.retries = 2;
  Holdback limited(policy_, 1);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 2; ++i) {
      limited.refused({});
      EXPECT_TRUE(limited.wait(kStart));
      limited.resume();
    }
    limited.refused({});
    if (round == 1) break;
    limited.resume();
    limited.accepted(kStart);  // starts over
  }
  EXPECT_FALSE(limited.wait(kStart));
  EXPECT_EQ(limited.attempts(), 2U);
}

TEST_F(HoldbackTest, TheTimeIsLimitedToo) {
  policy_.max_time = 10s;
  Holdback limited(policy_, 1);
  limited.accepted(kStart);
  limited.refused({});
  EXPECT_TRUE(limited.wait(kStart + 1h)) << "it counts from the first refusal";
  EXPECT_TRUE(limited.wait(kStart + 1h + 9s));
  EXPECT_FALSE(limited.wait(kStart + 1h + 10s));
}

}  // namespace
}  // namespace wskit::pub
