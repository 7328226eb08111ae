// The one clock of a measurement: CLOCK_MONOTONIC in nanoseconds. Both ends of a
// latency are read from it, so they must be on one host.
//
// Threads: pure functions.
#pragma once

#include <ctime>

#include <cstdint>

namespace wskit::bench {

// A point in time, or the distance of two.
using Nanos = std::int64_t;

inline constexpr Nanos kMicrosecond = 1'000;
inline constexpr Nanos kMillisecond = 1'000'000;
inline constexpr Nanos kSecond = 1'000'000'000;

[[nodiscard]] inline Nanos to_nanos(const timespec& time) { return time.tv_sec * kSecond + time.tv_nsec; }

[[nodiscard]] inline timespec to_timespec(Nanos nanos) { return {nanos / kSecond, nanos % kSecond}; }

[[nodiscard]] inline Nanos now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return to_nanos(time);
}

}  // namespace wskit::bench
