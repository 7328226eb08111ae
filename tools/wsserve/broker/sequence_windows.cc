#include "wsserve/broker/sequence_windows.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace wskit::server {
namespace {

constexpr std::size_t kLeastCapacity = 8;
// What is too old is forgotten by the block: a sequence is remembered a little
// longer than it must be, and never shorter.
constexpr int kBlocks = 16;
constexpr std::size_t kMostBlocks = std::size_t{4} * kBlocks;

}  // namespace

// --- The ring ----------------------------------------------------------------

std::size_t SequenceWindows::Ring::lower_bound(std::int64_t sequence) const {
  std::size_t low = 0;
  std::size_t high = size_;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if ((*this)[middle].sequence < sequence) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

void SequenceWindows::Ring::insert(Entry entry) {
  const bool is_last = size_ == 0 || back().sequence < entry.sequence;
  const std::size_t index = is_last ? size_ : lower_bound(entry.sequence);
  ++size_;
  // The shorter side makes way.
  if (index < size_ / 2) {
    first_ = (first_ == 0 ? capacity_ : first_) - 1;
    for (std::size_t i = 0; i < index; ++i) (*this)[i] = (*this)[i + 1];
  } else {
    for (std::size_t i = size_ - 1; i > index; --i) (*this)[i] = (*this)[i - 1];
  }
  (*this)[index] = entry;
}

void SequenceWindows::Ring::pop_front(std::size_t entries) {
  const std::size_t first = first_ + entries;
  first_ = static_cast<std::uint32_t>(first >= capacity_ ? first - capacity_ : first);
  size_ -= static_cast<std::uint32_t>(entries);
}

void SequenceWindows::Ring::drop_from(std::uint64_t offset) {
  std::uint32_t kept = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    if ((*this)[i].offset < offset) (*this)[kept++] = (*this)[i];
  }
  size_ = kept;
}

void SequenceWindows::Ring::set_capacity(std::size_t capacity) {
  auto entries = std::make_unique_for_overwrite<Entry[]>(capacity);
  for (std::size_t i = 0; i < size_; ++i) entries[i] = (*this)[i];
  entries_ = std::move(entries);
  capacity_ = static_cast<std::uint32_t>(capacity);
  first_ = 0;
}

// --- Windows -----------------------------------------------------------------

SequenceWindows::~SequenceWindows() {
  while (!windows_.empty()) erase(windows_.begin());
}

SequenceWindows::Window* SequenceWindows::find_behind_first(const Producer& producer) {
  const auto place = places_.find(&producer);
  if (place == places_.end()) return nullptr;
  windows_.splice(windows_.begin(), windows_, place->second);
  return &windows_.front();
}

SequenceWindows::Verdict SequenceWindows::look_up(std::int64_t sequence, protocol::SystemMicros now,
                                                  const DedupLimits& limits) {
  Window& window = windows_.front();
  // All of it has grown too old: as for a producer that was never seen.
  if (!expire(window, now, limits)) {
    erase(windows_.begin());
    return {};
  }
  const std::size_t index = window.ring.lower_bound(sequence);
  if (index < window.ring.size() && window.ring[index].sequence == sequence) {
    return {.kind = Verdict::Kind::kDuplicate, .offset = window.ring[index].offset};
  }
  if (index > 0) return {};
  const std::int64_t oldest = window.ring.size() == 0 ? window.forgotten + 1 : window.ring.front().sequence;
  return {.kind = Verdict::Kind::kForgotten, .oldest = oldest};
}

void SequenceWindows::add(const ProducerPtr& producer, std::int64_t sequence, std::uint64_t offset,
                          protocol::SystemMicros now, const DedupLimits& limits) {
  if (limits.max_ids == 0 || limits.max_producers == 0) return;
  Window* window = find(*producer);
  const bool is_new = window == nullptr;
  if (is_new) {
    window = &windows_.emplace_front(producer);
    try {
      places_.emplace(producer.get(), windows_.begin());
    } catch (...) {
      windows_.pop_front();
      throw;
    }
    budget_.take(kOverheadBytes);
  }
  try {
    if (window->ring.size() == window->ring.capacity() || window->ring.size() >= limits.max_ids) {
      make_room(*window, limits);
    }
    note_time(*window, sequence, now, limits);
  } catch (...) {
    if (is_new) erase(windows_.begin());
    throw;
  }
  window->ring.insert({sequence, offset});
  window->newest = std::max(window->newest, sequence);
  if (windows_.size() > limits.max_producers || budget_.exceeded()) keep_within(limits);
}

void SequenceWindows::make_room(Window& window, const DedupLimits& limits) {
  Ring& ring = window.ring;
  if (ring.size() >= limits.max_ids) return forget_oldest(window, ring.size() - limits.max_ids + 1);
  const std::size_t capacity = std::min(limits.max_ids, std::max(kLeastCapacity, 2 * ring.capacity()));
  const std::size_t bytes = (capacity - ring.capacity()) * sizeof(Entry);
  if (ring.size() == 0 || budget_.bytes() + bytes <= budget_.max_bytes()) {
    return set_capacity(window, capacity);
  }
  // The channel that grows pays for it.
  forget_oldest(window, 1);
  budget_.count_evicted(1);
}

void SequenceWindows::note_time(Window& window, std::int64_t sequence, protocol::SystemMicros now,
                                const DedupLimits& limits) {
  std::vector<Block>& blocks = window.blocks;
  // One that comes late stays as long as all that are older.
  if (!blocks.empty() && sequence <= blocks.back().last) {
    const auto block = std::ranges::lower_bound(blocks, sequence, {}, &Block::last);
    block->ended = std::max(block->ended, now);
    return;
  }
  if (window.ring.size() == 0) {
    window.begun = now;
  } else if (now - window.begun > limits.max_age / kBlocks && sequence > window.newest) {
    if (blocks.size() == kMostBlocks) expire(window, now, limits);
    if (blocks.size() < kMostBlocks) {
      blocks.push_back({window.newest, window.ended});
      window.begun = now;
    }
  }
  window.ended = now;
}

bool SequenceWindows::expire(Window& window, protocol::SystemMicros now, const DedupLimits& limits) {
  std::size_t old = 0;
  while (old < window.blocks.size() && now - window.blocks[old].ended > limits.max_age) ++old;
  const bool all = old == window.blocks.size() && now - window.ended > limits.max_age;
  if (all || old == 0) return !all;
  forget_oldest(window, window.ring.lower_bound(window.blocks[old - 1].last + 1));
  window.blocks.erase(window.blocks.begin(), window.blocks.begin() + static_cast<std::ptrdiff_t>(old));
  return true;
}

void SequenceWindows::forget_oldest(Window& window, std::size_t entries) {
  if (entries == 0) return;
  window.forgotten = window.ring[entries - 1].sequence;
  window.ring.pop_front(entries);
}

void SequenceWindows::forget_from(std::uint64_t offset) {
  for (auto window = windows_.begin(); window != windows_.end();) {
    const auto next = std::next(window);
    window->ring.drop_from(offset);
    window->newest = window->newest_remembered();
    if (window->ring.size() == 0 && window->forgotten < 0) erase(window);
    window = next;
  }
}

void SequenceWindows::expire(protocol::SystemMicros now, const DedupLimits& limits) {
  for (auto window = windows_.begin(); window != windows_.end();) {
    const auto next = std::next(window);
    Ring& ring = window->ring;
    const bool is_left = expire(*window, now, limits);
    if (ring.size() > limits.max_ids) forget_oldest(*window, ring.size() - limits.max_ids);
    if (!is_left || limits.max_ids == 0) {
      erase(window);
    } else if (ring.capacity() > kLeastCapacity && ring.size() < ring.capacity() / 4) {
      set_capacity(*window, std::max(kLeastCapacity, ring.capacity() / 2));
    }
    window = next;
  }
  keep_within(limits);
}

void SequenceWindows::keep_within(const DedupLimits& limits) {
  while (windows_.size() > limits.max_producers) {
    budget_.count_evicted(windows_.back().ring.size());
    erase(std::prev(windows_.end()));
  }
  while (!windows_.empty() && budget_.exceeded()) {
    Window& last = windows_.back();
    const std::size_t half = last.ring.capacity() / 2;
    if (windows_.size() > 1 || half < kLeastCapacity) {
      budget_.count_evicted(last.ring.size());
      erase(std::prev(windows_.end()));
      continue;
    }
    if (last.ring.size() > half) {
      budget_.count_evicted(last.ring.size() - half);
      forget_oldest(last, last.ring.size() - half);
    }
    set_capacity(last, half);
  }
}

void SequenceWindows::set_capacity(Window& window, std::size_t capacity) {
  const std::size_t before = window.ring.capacity();
  window.ring.set_capacity(capacity);
  budget_.give_back(before * sizeof(Entry));
  budget_.take(capacity * sizeof(Entry));
}

void SequenceWindows::erase(Windows::iterator window) {
  budget_.give_back(kOverheadBytes + window->ring.capacity() * sizeof(Entry));
  places_.erase(window->producer.get());
  windows_.erase(window);
}

std::size_t SequenceWindows::size() const {
  std::size_t size = 0;
  for (const Window& window : windows_) size += window.ring.size();
  return size;
}

}  // namespace wskit::server
