// How often something may happen: a rate, and the buckets that keep to it.
//
// A bucket holds a second's worth of its rate, one at least, and is full at the
// beginning: that is the burst. What costs more than a bucket holds passes when the
// bucket is full, and is paid for by what comes behind it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "wsserve/loop/timing_wheel.h"

namespace wskit::server {

struct Rate {
  double per_second = 0;  // 0: as often as you like

  [[nodiscard]] bool is_limited() const { return per_second > 0; }
  bool operator==(const Rate&) const = default;
};

// The slowest rate there is, so that no cost overflows.
inline constexpr double kSlowestRate = 1.0 / 3600;

// Threads: one.
class TokenBucket {
 public:
  // How long until `n` may pass; zero: now. Takes nothing.
  [[nodiscard]] std::chrono::nanoseconds wait(const Rate& rate, Clock::time_point now,
                                              std::uint64_t n = 1) const;
  // Takes `n`, also where they are not there: what comes behind waits longer.
  void spend(const Rate& rate, Clock::time_point now, std::uint64_t n = 1);

 private:
  Clock::time_point full_at_{};
};

// The same for many. Threads: any; no lock.
class SharedTokenBucket {
 public:
  [[nodiscard]] std::chrono::nanoseconds wait(const Rate& rate, Clock::time_point now,
                                              std::uint64_t n = 1) const;
  void spend(const Rate& rate, Clock::time_point now, std::uint64_t n = 1);
  // Takes `n` if they may pass now; else nothing, and how long until they may.
  [[nodiscard]] std::chrono::nanoseconds take(const Rate& rate, Clock::time_point now, std::uint64_t n = 1);

  // Whether forgetting it changes nothing.
  [[nodiscard]] bool is_full(Clock::time_point now) const;

 private:
  std::atomic<Clock::rep> full_at_{0};
};

}  // namespace wskit::server
