#include "wspub/pacer.h"

#include <gtest/gtest.h>

namespace wskit::pub {
namespace {

using namespace std::chrono_literals;

const Pacer::Clock::time_point kStart{1h};

// Lines that go when the clock is looked at every `step`, up to `end`.
std::uint64_t run(Pacer& pacer, Pacer::Clock::time_point from, std::chrono::nanoseconds end,
                  std::chrono::nanoseconds step) {
  std::uint64_t lines = 0;
  for (auto at = 0ns; at < end; at += step) {
    while (pacer.due(from + at)) {
      pacer.advance();
      ++lines;
    }
  }
  return lines;
}

TEST(Pacer, TheFirstLineGoesAtOnceAndTheNextAfterItsInterval) {
  Pacer pacer(10);
  EXPECT_TRUE(pacer.due(kStart));
  pacer.advance();
  EXPECT_FALSE(pacer.due(kStart + 99ms));
  EXPECT_EQ(pacer.next(), kStart + 100ms);
  EXPECT_TRUE(pacer.due(kStart + 100ms));
}

TEST(Pacer, LateWakeUpsDoNotAddUp) {
  Pacer pacer(3000);
  EXPECT_EQ(run(pacer, kStart, 100s, 7777us), 299990U);
}

TEST(Pacer, RatesThatAreNoWholeNumberHoldOverALongTime) {
  Pacer pacer(0.3);
  const std::uint64_t lines = run(pacer, kStart, 100000s, 50ms);
  EXPECT_EQ(lines, 30000U);
}

TEST(Pacer, AfterALongBreakThereIsNoBurst) {
  Pacer pacer(1000);
  EXPECT_EQ(run(pacer, kStart, 1s, 1ms), 1000U);
  EXPECT_EQ(run(pacer, kStart + 60s, 1ms, 1ms), 1U);
}

// S4
TEST(Pacer, ABurstIsAsLargeAsItWasAskedFor) {
  Pacer pacer(10, 5);
  EXPECT_EQ(run(pacer, kStart, 1ns, 1ns), 5U);
  EXPECT_EQ(run(pacer, kStart + 100ms, 1ns, 1ns), 1U);
  EXPECT_EQ(run(pacer, kStart + 60s, 1ns, 1ns), 5U);
  EXPECT_EQ(run(pacer, kStart + 60s, 1s + 1ns, 1ms), 10U);
}

TEST(Pacer, AShortDelayIsCaughtUpWith) {
  Pacer pacer(1000);
  EXPECT_EQ(run(pacer, kStart, 1s, 1ms), 1000U);
  EXPECT_EQ(run(pacer, kStart + 1050ms, 1ns, 1ns), 51U);
}

}  // namespace
}  // namespace wskit::pub
