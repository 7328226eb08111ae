#include "wsserve/limits/token_bucket.h"

#include <algorithm>

namespace wskit::server {
namespace {

using std::chrono::nanoseconds;

// A bucket's level is told by the moment at which it will be full again, so that
// nothing has to be poured in.
struct Draw {
  nanoseconds wait;           // zero: it may pass
  Clock::time_point full_at;  // once it has
};

nanoseconds cost(const Rate& rate, std::uint64_t n) {
  const double seconds = static_cast<double>(n) / std::max(rate.per_second, kSlowestRate);
  // Rounded down, so that a second's worth is no more than a second.
  return std::max(std::chrono::floor<nanoseconds>(std::chrono::duration<double>(seconds)), nanoseconds{1});
}

Draw draw(const Rate& rate, Clock::time_point full_at, Clock::time_point now, std::uint64_t n) {
  const nanoseconds depth = std::max<nanoseconds>(std::chrono::seconds{1}, cost(rate, 1));
  const nanoseconds wanted = cost(rate, n);
  const nanoseconds missing = std::max(full_at - now, nanoseconds::zero());
  const nanoseconds wait = missing + std::min(wanted, depth) - depth;
  return {std::max(wait, nanoseconds::zero()), now + missing + wanted};
}

Clock::time_point at(Clock::rep ticks) { return Clock::time_point(Clock::duration(ticks)); }

}  // namespace

nanoseconds TokenBucket::wait(const Rate& rate, Clock::time_point now, std::uint64_t n) const {
  return draw(rate, full_at_, now, n).wait;
}

void TokenBucket::spend(const Rate& rate, Clock::time_point now, std::uint64_t n) {
  full_at_ = draw(rate, full_at_, now, n).full_at;
}

nanoseconds SharedTokenBucket::wait(const Rate& rate, Clock::time_point now, std::uint64_t n) const {
  return draw(rate, at(full_at_.load(std::memory_order_relaxed)), now, n).wait;
}

void SharedTokenBucket::spend(const Rate& rate, Clock::time_point now, std::uint64_t n) {
  Clock::rep current = full_at_.load(std::memory_order_relaxed);
  while (!full_at_.compare_exchange_weak(current,
                                         draw(rate, at(current), now, n).full_at.time_since_epoch().count(),
                                         std::memory_order_relaxed)) {
  }
}

nanoseconds SharedTokenBucket::take(const Rate& rate, Clock::time_point now, std::uint64_t n) {
  Clock::rep current = full_at_.load(std::memory_order_relaxed);
  while (true) {
    const Draw drawn = draw(rate, at(current), now, n);
    if (drawn.wait > nanoseconds::zero()) return drawn.wait;
    if (full_at_.compare_exchange_weak(current, drawn.full_at.time_since_epoch().count(),
                                       std::memory_order_relaxed)) {
      return nanoseconds::zero();
    }
  }
}

bool SharedTokenBucket::is_full(Clock::time_point now) const {
  return at(full_at_.load(std::memory_order_relaxed)) <= now;
}

}  // namespace wskit::server
