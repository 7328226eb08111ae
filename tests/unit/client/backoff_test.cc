#include "common/client/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace wskit::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr BackoffRange kRange{.first = milliseconds{100}, .cap = milliseconds{1500}};

TEST(Backoff, DoublesTheLimitUpToTheCap) {
  const std::vector<milliseconds> limits{milliseconds{100}, milliseconds{200},  milliseconds{400},
                                         milliseconds{800}, milliseconds{1500}, milliseconds{1500}};
  std::vector<nanoseconds> longest(limits.size());
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    Backoff backoff(kRange, seed);
    for (std::size_t i = 0; i < limits.size(); ++i) {
      const nanoseconds wait = backoff.next();
      EXPECT_LE(wait, limits[i]);
      EXPECT_GE(wait, nanoseconds{0});
      longest[i] = std::max(longest[i], wait);
    }
  }
  for (std::size_t i = 0; i < limits.size(); ++i) EXPECT_GT(longest[i], limits[i] * 9 / 10) << i;
}

TEST(Backoff, SpreadsOverTheWholeWaitFromZeroOn) {
  int early = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    if (Backoff(kRange, seed).next() < milliseconds{50}) ++early;
  }
  EXPECT_GT(early, 400);
  EXPECT_LT(early, 600);
}

TEST(Backoff, IsTheSameForTheSameSeed) {
  Backoff a(kRange, 7);
  Backoff b(kRange, 7);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(a.next(), b.next());
}

TEST(Backoff, StartsOverAfterAReset) {
  Backoff backoff(kRange, 3);
  for (int i = 0; i < 8; ++i) static_cast<void>(backoff.next());
  EXPECT_EQ(backoff.attempts(), 8U);
  backoff.reset();
  EXPECT_EQ(backoff.attempts(), 0U);
  EXPECT_LE(backoff.next(), kRange.first);
}

TEST(Backoff, SurvivesTheLargestCap) {
  Backoff backoff({.first = std::chrono::seconds{1}, .cap = nanoseconds::max()}, 5);
  for (int i = 0; i < 200; ++i) EXPECT_GE(backoff.next(), nanoseconds{0});
}

}  // namespace
}  // namespace wskit::client
