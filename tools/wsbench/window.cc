#include "wsbench/window.h"

#include <algorithm>
#include <bit>

namespace wskit::bench {

// Events of several channels complete out of order, so numbers run ahead of the
// oldest one in flight: eight windows' worth of slots before that stops the loop.
Window::Window(std::uint32_t limit, std::uint32_t batch)
    : limit_(limit),
      batch_(batch),
      mask_(std::bit_ceil(std::uint64_t{limit} * 8) - 1),
      slots_(std::make_unique<Slot[]>(mask_ + 1)) {}

std::uint32_t Window::in_flight() const {
  return static_cast<std::uint32_t>(opened_ - completed_.load(std::memory_order_acquire));
}

std::uint32_t Window::room(std::uint64_t next) const {
  const std::uint32_t free = limit_ - in_flight();
  if (free < batch_) return 0;
  std::uint32_t usable = 0;
  while (usable < free && remaining(slot(next + usable).state.load(std::memory_order_acquire)) == 0) ++usable;
  return usable;
}

void Window::open(std::uint64_t sequence, std::uint32_t receivers, Nanos sent) {
  Slot& at = slot(sequence);
  at.sent = sent;
  ++opened_;
  at.state.store(pack(sequence, receivers), std::memory_order_release);
  if (receivers == 0) completed_.fetch_add(1, std::memory_order_release);
}

bool Window::received(std::uint64_t sequence, std::uint32_t deliveries) {
  std::atomic<std::uint64_t>& state = slot(sequence).state;
  std::uint64_t seen = state.load(std::memory_order_acquire);
  do {
    if (seen >> 32 != (sequence & 0xffffffff) || remaining(seen) < deliveries) return false;
  } while (!state.compare_exchange_weak(seen, seen - deliveries, std::memory_order_acq_rel));
  if (remaining(seen) != deliveries) return false;
  completed_.fetch_add(1, std::memory_order_release);
  return true;
}

std::uint32_t Window::expire(Nanos deadline) {
  std::uint32_t expired = 0;
  for (std::uint64_t index = 0; index <= mask_; ++index) {
    Slot& at = slots_[index];
    std::uint64_t seen = at.state.load(std::memory_order_acquire);
    if (remaining(seen) == 0 || at.sent > deadline) continue;
    while (remaining(seen) != 0 && !at.state.compare_exchange_weak(seen, seen & ~std::uint64_t{0xffffffff})) {
    }
    if (remaining(seen) == 0) continue;
    completed_.fetch_add(1, std::memory_order_release);
    ++expired;
  }
  return expired;
}

}  // namespace wskit::bench
