#include "wspub/pacer.h"

#include <cmath>

namespace wskit::pub {

bool Pacer::due(Clock::time_point now) {
  if (!started_ || now - next() > kMaxLag) {
    started_ = true;
    start_ = now;
    gone_ = 0;
  }
  return now >= next();
}

Pacer::Clock::time_point Pacer::next() const {
  return start_ + std::chrono::nanoseconds(std::llround(static_cast<double>(gone_) * interval_ns_));
}

}  // namespace wskit::pub
