#include "wsserve/loop/timing_wheel.h"

#include <algorithm>

namespace wskit::server {

void TimingWheel::Entry::unlink() {
  if (next_ == nullptr) return;
  previous_->next_ = next_;
  next_->previous_ = previous_;
  previous_ = next_ = nullptr;
}

TimingWheel::TimingWheel(Clock::time_point now) : start_(now) {
  for (Head& head : slots_) head.previous_ = head.next_ = &head;
}

std::uint64_t TimingWheel::tick_of(Clock::time_point time) const {
  if (time <= start_) return 0;
  return static_cast<std::uint64_t>((time - start_) / kTick);
}

void TimingWheel::schedule(Entry& entry, Clock::time_point deadline) {
  // Rounded up: a deadline never fires early.
  entry.due_tick_ = std::max(tick_of(deadline) + 1, current_tick_ + 1);
  link(entry);
}

void TimingWheel::link(Entry& entry) {
  entry.unlink();
  const std::size_t slot = entry.due_tick_ % kSlots;
  occupied_[slot / 64] |= std::uint64_t{1} << (slot % 64);
  Head& head = slots_[slot];
  entry.previous_ = head.previous_;
  entry.next_ = &head;
  head.previous_->next_ = &entry;
  head.previous_ = &entry;
}

void TimingWheel::advance(Clock::time_point now) {
  const std::uint64_t target = tick_of(now);
  // After a pause longer than the ring one round visits every slot.
  if (target > current_tick_ + kSlots) current_tick_ = target - kSlots;
  while (current_tick_ < target) {
    ++current_tick_;
    Head& slot = slots_[current_tick_ % kSlots];
    if (slot.next_ == &slot) continue;
    // Emptied first: a callback may schedule or cancel anything.
    Head due;
    due.next_ = slot.next_;
    due.previous_ = slot.previous_;
    due.next_->previous_ = due.previous_->next_ = &due;
    slot.next_ = slot.previous_ = &slot;
    while (due.next_ != &due) {
      Entry& entry = *due.next_;
      entry.unlink();
      if (entry.due_tick_ <= target) {
        entry.on_deadline();
      } else {
        link(entry);
      }
    }
    due.next_ = nullptr;
  }
}

int TimingWheel::wait_ms(Clock::time_point now) {
  for (std::size_t i = 1; i <= kSlots; ++i) {
    const std::size_t slot = (current_tick_ + i) % kSlots;
    std::uint64_t& word = occupied_[slot / 64];
    if (word == 0) {
      i += 63 - slot % 64;
      continue;
    }
    const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
    if ((word & bit) == 0) continue;
    if (slots_[slot].next_ == &slots_[slot]) {
      word &= ~bit;
      continue;
    }
    // Signed, for it may be past.
    const Clock::time_point due = start_ + kTick * static_cast<std::int64_t>(current_tick_ + i);
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(due - now);
    return static_cast<int>(std::max<std::chrono::milliseconds::rep>(wait.count(), 0));
  }
  return -1;
}

}  // namespace wskit::server
