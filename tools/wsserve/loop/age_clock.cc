#include "wsserve/loop/age_clock.h"

#include <algorithm>
#include <ctime>
#include <limits>
#include <utility>

namespace wskit::server {
namespace {

// A clock that jumps more often than this is not believed at all until it is quiet.
constexpr std::size_t kMaxJumps = 256;

constexpr auto kUnknown = std::numeric_limits<std::chrono::microseconds::rep>::min();

std::chrono::microseconds since_boot() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::seconds{now.tv_sec} +
                                                               std::chrono::nanoseconds{now.tv_nsec});
}

}  // namespace

AgeClock::AgeClock(EvenClock even) : even_(even ? std::move(even) : since_boot), parted_(kUnknown) {}

void AgeClock::look(protocol::SystemMicros wall) {
  const std::chrono::microseconds even = even_();
  const auto parted = (wall.time_since_epoch() - even).count();
  const auto known = parted_.load(std::memory_order_relaxed);
  const auto is_jump = [&](std::chrono::microseconds::rep before) {
    return before != kUnknown && std::chrono::abs(std::chrono::microseconds(parted - before)) >= kLeastJump;
  };
  if (known != kUnknown && !is_jump(known)) return;
  const std::lock_guard lock(mutex_);
  const auto before = parted_.load(std::memory_order_relaxed);
  if (before != kUnknown && !is_jump(before)) return;
  parted_.store(parted, std::memory_order_relaxed);
  if (before == kUnknown) return;
  const std::chrono::microseconds by{parted - before};
  jumps_.push_back({even, by});
  untold_.push_back(by);
  // One that is joined to the next counts for longer, and forward ones in full.
  if (jumps_.size() > kMaxJumps) {
    jumps_[1].by = std::max(jumps_[0].by, std::chrono::microseconds{0}) +
                   std::max(jumps_[1].by, std::chrono::microseconds{0});
    jumps_.pop_front();
  }
  if (untold_.size() > kMaxJumps) untold_.pop_front();
  jumped_.store(true, std::memory_order_release);
}

protocol::SystemMicros AgeClock::without_jumps(std::chrono::microseconds age,
                                               protocol::SystemMicros wall) const {
  const std::chrono::microseconds even = even_();
  const std::lock_guard lock(mutex_);
  // What was received between two jumps has seen only those behind it.
  std::chrono::microseconds sum{0};
  std::chrono::microseconds most{0};
  for (auto jump = jumps_.rbegin(); jump != jumps_.rend() && even - jump->at <= age; ++jump) {
    sum += jump->by;
    most = std::max(most, sum);
  }
  return wall - most;
}

std::deque<std::chrono::microseconds> AgeClock::take_jumps() {
  if (!jumped_.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(mutex_);
  return std::exchange(untold_, {});
}

}  // namespace wskit::server
