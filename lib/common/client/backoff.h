// How long to wait before the next attempt: exponential with full jitter, so
// that clients that lost a server together do not come back together.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace wskit::client {

struct BackoffRange {
  std::chrono::nanoseconds first = std::chrono::seconds{1};
  std::chrono::nanoseconds cap = std::chrono::seconds{60};
};

// One thread.
class Backoff {
 public:
  Backoff(BackoffRange range, std::uint64_t seed) : range_(range), random_(seed) {}

  // The wait before the next attempt: uniform between 0 and the limit, which
  // starts at `first` and doubles with each call up to `cap`.
  [[nodiscard]] std::chrono::nanoseconds next();

  // Starts over, after a connection was healthy.
  void reset() { attempts_ = 0; }

  // Calls of next() since the last reset.
  [[nodiscard]] std::uint64_t attempts() const { return attempts_; }

 private:
  BackoffRange range_;
  std::mt19937_64 random_;
  std::uint64_t attempts_ = 0;
};

}  // namespace wskit::client
