#include "wspub/pacer.h"

#include <algorithm>
#include <cmath>

namespace wskit::pub {

namespace {

// Longer than any run, and far from where nanoseconds end.
constexpr double kLongestNs = 1e17;

}  // namespace

Pacer::Pacer(double lines_per_second, std::uint64_t burst)
    : interval_ns_(1e9 / lines_per_second),
      ahead_(std::llround(std::min(static_cast<double>(burst - 1) * interval_ns_, kLongestNs))) {}

bool Pacer::due(Clock::time_point now) {
  if (!started_ || now - next() > std::max<std::chrono::nanoseconds>(ahead_, kMaxLag)) {
    started_ = true;
    start_ = now - ahead_;
    gone_ = 0;
  }
  return now >= next();
}

Pacer::Clock::time_point Pacer::next() const {
  return start_ + std::chrono::nanoseconds(std::llround(static_cast<double>(gone_) * interval_ns_));
}

}  // namespace wskit::pub
