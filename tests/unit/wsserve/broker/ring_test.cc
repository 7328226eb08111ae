#include "wsserve/broker/ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

namespace wskit::server {
namespace {

TEST(RingTest, HoldsWhatADequeWouldHoldThroughGrowthShrinkingAndBothEnds) {
  std::mt19937 random(7);
  Ring<int> ring;
  std::deque<int> expected;
  for (int step = 0; step < 20'000; ++step) {
    // Grows for a while, then shrinks for a while.
    const bool grows = step / 2'000 % 2 == 0;
    switch (random() % 4) {
      case 0:
      case 1:
        if (grows || expected.empty()) {
          ring.push_back(step);
          expected.push_back(step);
          break;
        }
        ring.pop_front();
        expected.pop_front();
        break;
      case 2:
        if (expected.empty()) break;
        ring.pop_back();
        expected.pop_back();
        break;
      default:
        ring.shrink();
    }
    ASSERT_EQ(ring.size(), expected.size());
    ASSERT_EQ(ring.empty(), expected.empty());
    if (!expected.empty()) {
      ASSERT_EQ(ring.front(), expected.front());
      ASSERT_EQ(ring.back(), expected.back());
    }
  }
  EXPECT_TRUE(std::ranges::equal(ring, expected));
}

TEST(RingTest, TakesNoMemoryWhileItIsEmptyAndAfterItHasShrunk) {
  Ring<int> ring;
  EXPECT_EQ(ring.capacity(), 0U);
  for (int i = 0; i < 1'000; ++i) ring.push_back(i);
  EXPECT_LE(ring.capacity(), 2'000U);
  while (ring.size() > 100) ring.pop_front();
  ring.shrink();
  EXPECT_EQ(ring.capacity(), 200U);
  EXPECT_EQ(ring.front(), 900);
  while (!ring.empty()) ring.pop_front();
  ring.shrink();
  EXPECT_EQ(ring.capacity(), 0U);
}

}  // namespace
}  // namespace wskit::server
