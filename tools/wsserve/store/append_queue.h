// The events that wait for the writer, and what became of those that waited.
//
// Threads: append and the questions from any thread; take, settle, fail and
// accept_again are the writer's.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "wsserve/store/record.h"

namespace wskit::server::store {

class AppendQueue {
 public:
  explicit AppendQueue(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // Nothing while records are refused.
  [[nodiscard]] std::optional<Ticket> append(Record record);
  // The same with several, one behind the other; the ticket of the last.
  [[nodiscard]] std::optional<Ticket> append(std::vector<Record> records);

  // Waits until something is queued, close() was called or `until` has come, and
  // moves all that is queued to the end of `out`. False once the queue is closed
  // and nothing is left.
  bool take(std::vector<Record>& out, std::chrono::steady_clock::time_point until);
  void close();

  // The oldest `records` unsettled ones, which take `bytes`, are on disk.
  void settle(std::size_t records, std::size_t bytes);

  // From now on records are refused.
  void refuse() noexcept;
  // The same, and what was queued has failed; to be called again if it throws. Those still queued are moved
  // to the end of `taken`, so that it holds everything unsettled: all of it has failed.
  void fail(std::vector<Record>& taken);
  // Settles what failed.
  void settle_failed();
  void accept_again();

  [[nodiscard]] Ticket settled() const { return settled_.load(std::memory_order_acquire); }
  [[nodiscard]] bool failed(Ticket ticket) const;
  [[nodiscard]] bool accepting() const { return accepting_.load(std::memory_order_acquire); }
  [[nodiscard]] bool crowded() const { return bytes() > max_bytes_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t unsettled() const;

  // What a record takes while it waits.
  [[nodiscard]] static std::size_t cost(const Record& record) {
    return sizeof(Record) + record.frame->size() + record.dedup.size();
  }

 private:
  // Tells the writer. REQUIRES: mutex_ held.
  void queued(std::size_t bytes);

  struct Failure {
    Ticket first;
    Ticket last;
  };

  const std::size_t max_bytes_;
  std::atomic<std::size_t> bytes_{0};
  std::atomic<Ticket> settled_{0};
  std::atomic<bool> accepting_{true};
  std::atomic<bool> any_failed_{false};

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::vector<Record> queue_;
  Ticket last_ = 0;
  bool closed_ = false;
  bool writer_waits_ = false;
  std::deque<Failure> failures_;  // in ascending order
};

}  // namespace wskit::server::store
