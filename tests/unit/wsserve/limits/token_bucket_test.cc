#include "wsserve/limits/token_bucket.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace wskit::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

class TokenBucketTest : public testing::Test {
 protected:
  bool take(std::uint64_t n = 1) {
    if (bucket_.wait(rate_, now_, n) > nanoseconds::zero()) return false;
    bucket_.spend(rate_, now_, n);
    return true;
  }
  int take_all() {
    int taken = 0;
    while (take()) ++taken;
    return taken;
  }

  Rate rate_{.per_second = 10};
  Clock::time_point now_ = Clock::now();
  TokenBucket bucket_;
};

TEST_F(TokenBucketTest, HoldsASecondsWorth) { EXPECT_EQ(take_all(), 10); }

TEST_F(TokenBucketTest, HoldsOneWhereTheRateIsSlower) {
  rate_.per_second = 0.5;
  EXPECT_EQ(take_all(), 1);
  EXPECT_EQ(bucket_.wait(rate_, now_), seconds{2});
}

TEST_F(TokenBucketTest, FillsAtItsRateAndNoFurther) {
  take_all();
  EXPECT_EQ(bucket_.wait(rate_, now_), milliseconds{100});
  now_ += milliseconds{350};
  EXPECT_EQ(take_all(), 3);
  now_ += seconds{100};
  EXPECT_EQ(take_all(), 10);
}

TEST_F(TokenBucketTest, TakesMoreThanItHoldsWhenItIsFullAndIsPaidAfterwards) {
  EXPECT_TRUE(take(100));
  EXPECT_EQ(bucket_.wait(rate_, now_), milliseconds{9100});
  now_ += milliseconds{9100};
  EXPECT_EQ(take_all(), 1);
}

TEST_F(TokenBucketTest, RefusesMoreThanItHoldsUntilItIsFull) {
  EXPECT_TRUE(take());
  EXPECT_FALSE(take(100));
  EXPECT_EQ(bucket_.wait(rate_, now_, 100), milliseconds{100});
}

TEST_F(TokenBucketTest, KeepsToItsRateInTheLongRun) {
  int taken = 0;
  for (int i = 0; i < 10'000; ++i, now_ += milliseconds{1}) taken += take() ? 1 : 0;
  EXPECT_EQ(taken, 10 + 10 * 10 - 1);
}

TEST_F(TokenBucketTest, CountsNothingOverflowing) {
  rate_.per_second = 1e-12;
  EXPECT_TRUE(take(10'000));
  EXPECT_GT(bucket_.wait(rate_, now_), seconds{3600});
  rate_.per_second = 1e12;
  EXPECT_FALSE(take());
}

TEST(SharedTokenBucketTest, GivesAsManyToManyAsToOne) {
  const Rate rate{.per_second = 1000};
  const auto now = Clock::now();
  SharedTokenBucket bucket;
  std::atomic<int> taken{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 1000; ++k) {
        if (bucket.take(rate, now) == nanoseconds::zero()) ++taken;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(taken, 1000);
  EXPECT_FALSE(bucket.is_full(now));
  EXPECT_TRUE(bucket.is_full(now + seconds{1}));
}

}  // namespace
}  // namespace wskit::server
