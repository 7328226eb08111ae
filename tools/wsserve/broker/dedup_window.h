// The dedup ids of the events that a channel accepted lately, so that an event that is
// sent again after a reconnect is not published again.
//
// Threads: guarded by its channel's mutex.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/protocol/timestamp.h"
#include "common/text_hash.h"
#include "wsserve/broker/memory_budget.h"
#include "wsserve/broker/ring.h"

namespace wskit::server {

// Of what a channel remembers against repetition: dedup ids, and the sequences of
// each producer.
struct DedupLimits {
  std::size_t max_ids = 10'000;  // and as many sequences of each producer
  std::chrono::microseconds max_age{std::chrono::minutes{10}};
  std::size_t max_producers = 1'000;

  bool operator==(const DedupLimits&) const = default;
};

class DedupWindow {
 public:
  // What an id costs beside its text, about.
  static constexpr std::size_t kOverheadBytes = 128;

  explicit DedupWindow(MemoryBudget& budget) : budget_(budget) {}
  ~DedupWindow();
  DedupWindow(const DedupWindow&) = delete;
  DedupWindow& operator=(const DedupWindow&) = delete;

  // The offset that the id was first accepted with, if the window holds it.
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view id, protocol::SystemMicros now,
                                                  const DedupLimits& limits);
  // REQUIRES: find() has just said that it does not.
  void add(std::string_view id, std::uint64_t offset, protocol::SystemMicros now, const DedupLimits& limits);
  // Forgets ids accepted with `offset` or later: those events were taken back.
  void forget_from(std::uint64_t offset);

  // Forgets ids that are too old, and the oldest where the limits have shrunk.
  void expire(protocol::SystemMicros now, const DedupLimits& limits);

  [[nodiscard]] std::size_t size() const { return offsets_.size(); }

 private:
  void keep_within(const DedupLimits& limits);
  void forget_old(protocol::SystemMicros now, const DedupLimits& limits);
  void forget_oldest();
  // What of the id costs memory is given back with it.
  void erase(std::string_view id);

  struct Seen {
    std::string_view id;  // the map's key
    std::uint64_t offset;
    protocol::SystemMicros at;
  };

  MemoryBudget& budget_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::string, std::uint64_t, TextHash, std::equal_to<>> offsets_;
  Ring<Seen> order_;
};

}  // namespace wskit::server
