#include "allocation_meter.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::ptrdiff_t> held{0};
std::atomic<std::ptrdiff_t> peak{0};

void count(std::ptrdiff_t bytes) {
  const std::ptrdiff_t now = held += bytes;
  peak = std::max(peak.load(), now);
}

std::ptrdiff_t size_of(void* block) { return static_cast<std::ptrdiff_t>(malloc_usable_size(block)); }

}  // namespace

// The array forms call these.
void* operator new(std::size_t bytes) {
  void* const block = std::malloc(bytes);
  if (!block) throw std::bad_alloc();
  count(size_of(block));
  return block;
}

void operator delete(void* block) noexcept {
  if (!block) return;
  count(-size_of(block));
  std::free(block);
}

void operator delete(void* block, std::size_t) noexcept { operator delete(block); }

namespace wskit::websocket {

AllocationMeter::AllocationMeter() : start_bytes_(held) { peak = start_bytes_; }

std::size_t AllocationMeter::peak_bytes() const { return static_cast<std::size_t>(peak - start_bytes_); }

std::ptrdiff_t AllocationMeter::held_bytes() const { return held - start_bytes_; }

}  // namespace wskit::websocket
