// The newest events of one channel, as the frames that were sent: bounded by
// number, bytes and age.
//
// Knows no subscribers and no lock. Threads: guarded by its channel's mutex.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "common/protocol/timestamp.h"
#include "wsserve/broker/memory_budget.h"
#include "wsserve/broker/ring.h"
#include "wsserve/frame/chunk.h"

namespace wskit::server {

// How much of a channel is kept. A zero number keeps nothing, a zero age means
// for ever.
struct HistoryLimits {
  std::size_t max_events = 1'000;
  std::size_t max_bytes = std::size_t{16} << 20;
  std::chrono::microseconds max_age{std::chrono::hours{24}};

  bool operator==(const HistoryLimits&) const = default;
};

inline constexpr HistoryLimits kNoHistoryLimits{.max_events = std::numeric_limits<std::size_t>::max(),
                                                .max_bytes = std::numeric_limits<std::size_t>::max(),
                                                .max_age = std::chrono::microseconds{0}};

class History {
 public:
  // What an entry costs beside its bytes: the chunk's header, the entry and the
  // allocator's share. Counted, so that many tiny events do not pass the bounds.
  static constexpr std::size_t kOverheadBytes = 96;

  // `stored`: what is let go of for want of memory is still in the store.
  explicit History(MemoryBudget& budget, bool stored = false) : budget_(budget), stored_(stored) {}
  ~History();
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  // REQUIRES: the frame of the event that follows the newest. `now`: for ages.
  void append(ChunkPtr frame, protocol::SystemMicros received, const HistoryLimits& limits,
              protocol::SystemMicros now);

  // Lets go of what is too old, and of what new limits no longer allow.
  void trim(protocol::SystemMicros now, const HistoryLimits& limits);

  // Memory is short: lets go of the older half.
  void shed();
  // An event received then could not be kept: lets go of all that came before it too.
  void let_go_of_all(protocol::SystemMicros received);

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  // The offset of the oldest event held; `newest` + 1 if none is, where `newest`
  // is the channel's.
  [[nodiscard]] std::uint64_t oldest(std::uint64_t newest) const { return newest - entries_.size() + 1; }

  // When the oldest event held was received; if none is, no time is before that.
  [[nodiscard]] protocol::SystemMicros oldest_received() const {
    return entries_.empty() ? protocol::SystemMicros::max() : entries_.front().received;
  }
  // The number of events held that were received at `time` or later, counting
  // from the first such one to the newest.
  [[nodiscard]] std::size_t count_since(protocol::SystemMicros time) const;
  // When the newest event that is no longer held was received; nothing if none
  // was ever let go.
  [[nodiscard]] protocol::SystemMicros newest_gone() const { return newest_gone_; }

  // Appends the newest `count` events' frames to `out`, oldest first, until
  // `max_bytes` are passed. REQUIRES: count <= size().
  void read(std::size_t count, std::size_t max_bytes, std::vector<ChunkPtr>& out) const;

 private:
  struct Entry {
    ChunkPtr frame;
    protocol::SystemMicros received;
  };

  [[nodiscard]] static std::size_t cost(const Entry& entry) { return entry.frame->size() + kOverheadBytes; }
  void keep_within(const HistoryLimits& limits, protocol::SystemMicros now);
  void pop_oldest();

  MemoryBudget& budget_;
  const bool stored_;
  Ring<Entry> entries_;
  std::size_t bytes_ = 0;
  protocol::SystemMicros newest_gone_ = protocol::SystemMicros::min();
};

}  // namespace wskit::server
