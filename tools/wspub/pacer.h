// When each line may go at a fixed rate: a schedule in nanoseconds from its
// start, so that no error adds up.
//
// Threads: one.
#pragma once

#include <chrono>
#include <cstdint>

namespace wskit::pub {

class Pacer {
 public:
  using Clock = std::chrono::steady_clock;

  // After a break up to `burst` lines go at once. REQUIRES: both are greater than 0.
  explicit Pacer(double lines_per_second, std::uint64_t burst = 1);

  // Whether the next line is due. Lines that are late by up to kMaxLag go at
  // once and keep the schedule; after a longer break (the engine had nothing to
  // say, the server was away) it starts anew, so that no burst follows but the one
  // that was asked for.
  [[nodiscard]] bool due(Clock::time_point now);

  // The line that was due has gone.
  void advance() { ++gone_; }

  // When the next line is due. REQUIRES: due() has been asked.
  [[nodiscard]] Clock::time_point next() const;

  static constexpr std::chrono::milliseconds kMaxLag{100};

 private:
  double interval_ns_;
  std::chrono::nanoseconds ahead_;  // what a burst may run ahead of the schedule
  Clock::time_point start_{};
  std::uint64_t gone_ = 0;
  bool started_ = false;
};

}  // namespace wskit::pub
