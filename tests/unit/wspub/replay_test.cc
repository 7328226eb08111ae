#include "wspub/replay.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "wspub/time_shift.h"

namespace wskit::pub {
namespace {

using namespace std::chrono_literals;
using protocol::SystemMicros;
using Nanos = std::chrono::nanoseconds;

constexpr SystemMicros kThen{1'600'000'000s};
const Replay::Clock::time_point kStart{1h};

// When records of these times go, from the start on.
std::vector<Nanos> schedule(Replay& replay, std::initializer_list<Nanos> times) {
  std::vector<Nanos> all;
  for (const Nanos time : times) {
    const SystemMicros recorded = kThen + std::chrono::floor<std::chrono::microseconds>(time);
    all.push_back(replay.place(recorded, kStart) - kStart);
  }
  return all;
}

using Schedule = std::vector<Nanos>;

TEST(Replay, KeepsTheDistancesOfTheRecording) {
  Replay replay({});
  EXPECT_EQ(schedule(replay, {5s, 6s, 6s, 9500ms}), (Schedule{0s, 1s, 1s, 4500ms}));
}

TEST(Replay, IsAsManyTimesFasterAsAsked) {
  Replay fast({.speed = 60, .max_gap = {}});
  EXPECT_EQ(schedule(fast, {0s, 1s, 1h}), (Schedule{0s, 16666667ns, 60s}));
  Replay slow({.speed = 0.5, .max_gap = {}});
  EXPECT_EQ(schedule(slow, {0s, 1s, 3s}), (Schedule{0s, 2s, 6s}));
  Replay max({.speed = std::numeric_limits<double>::infinity(), .max_gap = 1s});
  EXPECT_EQ(schedule(max, {0s, 1s, 1000h}), (Schedule{0s, 0s, 0s}));
  Replay at_once({.speed = std::numeric_limits<double>::infinity(), .max_gap = 0s});
  EXPECT_EQ(schedule(at_once, {0s, 1s}), (Schedule{0s, 0s}));
}

TEST(Replay, AThousandSmallStepsAddNoErrorUp) {
  Replay replay({.speed = 7, .max_gap = {}});
  Nanos last{};
  for (int i = 0; i <= 1'000'000; ++i) last = schedule(replay, {i * 1us}).front();
  EXPECT_EQ(last, 142857143ns);
}

TEST(Replay, LongSilencesAreCutToWhatIsWaitedAtMost) {
  Replay replay({.speed = 1, .max_gap = 5s});
  EXPECT_EQ(schedule(replay, {0s, 5s, 12h, 12h + 1s}), (Schedule{0s, 5s, 10s, 11s}));
  Replay fast({.speed = 60, .max_gap = 5s});
  EXPECT_EQ(schedule(fast, {0s, 300s, 12h}), (Schedule{0s, 5s, 10s}));
}

TEST(Replay, WhatIsOutOfOrderGoesBehindTheOneBeforeAndIsCounted) {
  Replay replay({});
  EXPECT_EQ(schedule(replay, {0s, 10s, 8s, 9s, 12s}), (Schedule{0s, 10s, 10s, 10s, 12s}));
  EXPECT_EQ(replay.out_of_order(), 2U);
  EXPECT_EQ(replay.position(), kThen + 12s);
}

TEST(Replay, TimesThatAreCenturiesApartAreNoHarm) {
  Replay replay({});
  const SystemMicros year0{-62167219200s};
  const SystemMicros year9999{253402300799s};
  EXPECT_EQ(replay.place(year0, kStart), kStart);
  EXPECT_EQ(replay.place(year9999, kStart), kStart + std::chrono::years{100});
  replay.begin_again();
  EXPECT_EQ(replay.place(year0, kStart), kStart + std::chrono::years{100});
}

TEST(Replay, ASecondPassFollowsByTheMeanGap) {
  Replay replay({});
  schedule(replay, {0s, 1s, 4s});
  replay.begin_again();
  EXPECT_EQ(schedule(replay, {0s, 1s, 4s}), (Schedule{6s, 7s, 10s}));
  EXPECT_EQ(replay.pass_shift(), 6s);
  replay.begin_again();
  EXPECT_EQ(schedule(replay, {0s}), (Schedule{12s}));
  EXPECT_EQ(replay.pass_shift(), 12s);
  EXPECT_EQ(replay.out_of_order(), 0U);
}

TEST(Replay, OneMomentIsRepeatedOnceASecond) {
  Replay replay({});
  schedule(replay, {3s});
  replay.begin_again();
  EXPECT_EQ(schedule(replay, {3s}), (Schedule{1s}));
}

TEST(Replay, ASmallDelayIsCaughtUpWith) {
  Replay replay({});
  schedule(replay, {0s});
  replay.went(kStart, kStart + 900ms);
  EXPECT_EQ(schedule(replay, {1s}), (Schedule{1s}));
}

TEST(Replay, AfterALongDelayTheRhythmGoesOnWithoutABurst) {
  Replay replay({});
  schedule(replay, {0s});
  const auto due = replay.place(kThen + 1s, kStart);
  replay.went(due, kStart + 31s);
  EXPECT_EQ(schedule(replay, {2s, 3s}), (Schedule{32s, 33s}));
}

TEST(TimeShift, TheFirstTimeBecomesNowAndTheDistancesStay) {
  TimeShift shift(std::nullopt);
  const SystemMicros now{1'795'168'800s};
  EXPECT_EQ(shift.apply(kThen, now, 0s), "2026-11-20T10:00:00.000000Z");
  EXPECT_EQ(shift.apply(kThen + 90s + 1us, now + 1h, 0s), "2026-11-20T10:01:30.000001Z");
  EXPECT_EQ(shift.apply(kThen - 1s, now, 0s), "2026-11-20T09:59:59.000000Z");
  EXPECT_EQ(shift.apply(kThen, now, 10min), "2026-11-20T10:10:00.000000Z");
}

TEST(TimeShift, OrAnyOtherMoment) {
  TimeShift shift(SystemMicros{1'795'168'800s});
  EXPECT_EQ(shift.apply(kThen, kThen, 0s), "2026-11-20T10:00:00.000000Z");
}

}  // namespace
}  // namespace wskit::pub
