#include "wsbench/schedule.h"

#include <cmath>

namespace wskit::bench {

Schedule::Schedule(Arrival arrival, double events_per_second, Nanos start, std::uint64_t seed)
    : arrival_(arrival), rate_(events_per_second), start_(start), random_(seed), due_(start) {}

void Schedule::advance() {
  ++event_;
  switch (arrival_.kind) {
    case Arrival::Kind::kUniform:
      // From the start each time, so that no rounding error adds up.
      due_ = start_ + std::llround(static_cast<double>(event_) * 1e9 / rate_);
      break;
    case Arrival::Kind::kPoisson:
      poisson_offset_ += std::exponential_distribution<double>(rate_)(random_);
      due_ = start_ + std::llround(poisson_offset_ * 1e9);
      break;
    case Arrival::Kind::kBurst:
      due_ = start_ + static_cast<Nanos>(event_ / arrival_.burst) * arrival_.period;
      break;
  }
}

}  // namespace wskit::bench
