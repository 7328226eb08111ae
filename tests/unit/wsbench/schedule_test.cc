#include "wsbench/schedule.h"

#include <gtest/gtest.h>

#include <vector>

namespace wskit::bench {
namespace {

std::vector<Nanos> first_events(Schedule schedule, std::size_t count) {
  std::vector<Nanos> due;
  for (std::size_t event = 0; event < count; ++event) {
    due.push_back(schedule.next_due());
    schedule.advance();
  }
  return due;
}

TEST(ScheduleTest, UniformEventsAreDueAtStartPlusKOverRate) {
  EXPECT_EQ(first_events(Schedule({}, 100, 1'000, 1), 4),
            (std::vector<Nanos>{1'000, 10'001'000, 20'001'000, 30'001'000}));
}

TEST(ScheduleTest, UniformEventsDoNotDriftWhereTheGapIsNoWholeNumber) {
  Schedule schedule({}, 3, 0, 1);
  for (int event = 0; event < 3'000'000; ++event) schedule.advance();
  EXPECT_EQ(schedule.next_due(), 1'000'000 * kSecond);
}

TEST(ScheduleTest, BurstsComeTogetherEveryPeriod) {
  const Arrival arrival{.kind = Arrival::Kind::kBurst, .burst = 3, .period = kSecond};
  EXPECT_EQ(first_events(Schedule(arrival, 1, 5, 1), 7),
            (std::vector<Nanos>{5, 5, 5, 5 + kSecond, 5 + kSecond, 5 + kSecond, 5 + 2 * kSecond}));
}

TEST(ScheduleTest, PoissonEventsKeepTheRateOnAverageAndNeverGoBack) {
  const Arrival arrival{.kind = Arrival::Kind::kPoisson};
  constexpr std::size_t kEvents = 100'000;
  const std::vector<Nanos> due = first_events(Schedule(arrival, 1000, 0, 42), kEvents);
  for (std::size_t event = 1; event < due.size(); ++event) ASSERT_LE(due[event - 1], due[event]);
  // 100 s, and the standard deviation of the sum is 0.32 s.
  EXPECT_NEAR(static_cast<double>(due.back()) / 1e9, 100, 2);
}

TEST(ScheduleTest, TheSeedDecidesTheGapsOfPoissonEvents) {
  const Arrival arrival{.kind = Arrival::Kind::kPoisson};
  const auto events = [&](std::uint64_t seed) { return first_events(Schedule(arrival, 1000, 0, seed), 20); };
  EXPECT_EQ(events(1), events(1));
  EXPECT_NE(events(1), events(2));
}

}  // namespace
}  // namespace wskit::bench
