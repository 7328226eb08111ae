// When the events of an open loop are due. Nothing that the server does moves the
// schedule: that is what makes the loop open.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <random>

#include "wsbench/clock.h"

namespace wskit::bench {

struct Arrival {
  enum class Kind : std::uint8_t { kUniform, kPoisson, kBurst };
  Kind kind = Kind::kUniform;
  std::uint32_t burst = 1;  // kBurst: so many at once, …
  Nanos period = 0;         // … every so often

  bool operator==(const Arrival&) const = default;
};

// One publisher's events.
class Schedule {
 public:
  // Uniform: event k is due at start + k / rate. Poisson: the same on average, the
  // gaps exponential, the same ones for the same seed. Burst: `rate` is not used.
  Schedule(Arrival arrival, double events_per_second, Nanos start, std::uint64_t seed);

  [[nodiscard]] Nanos next_due() const { return due_; }
  void advance();

 private:
  Arrival arrival_;
  double rate_;
  Nanos start_;
  std::mt19937_64 random_;
  double poisson_offset_ = 0;  // seconds since start
  std::uint64_t event_ = 0;
  Nanos due_;
};

}  // namespace wskit::bench
