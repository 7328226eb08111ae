// What the same part of all channels may take together: their histories, or the dedup
// ids and sequences that they remember.
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace wskit::server {

class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  void take(std::size_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  void give_back(std::size_t bytes) { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  void count_evicted(std::uint64_t entries) { evicted_.fetch_add(entries, std::memory_order_relaxed); }

  [[nodiscard]] bool exceeded() const { return bytes() > max_bytes(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t max_bytes() const { return max_bytes_.load(std::memory_order_relaxed); }
  void set_max_bytes(std::size_t bytes) { max_bytes_.store(bytes, std::memory_order_relaxed); }
  // Entries given up although the channel's own limits would have kept them.
  [[nodiscard]] std::uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> max_bytes_;
  std::atomic<std::size_t> bytes_{0};
  std::atomic<std::uint64_t> evicted_{0};
};

}  // namespace wskit::server
