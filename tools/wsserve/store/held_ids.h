// Which of a channel's rows carry dedup ids that must still be remembered.
//
// Counts them in blocks of neighbouring events, a few dozen at most, so that a
// row may be held a little longer than its id is, and never shorter.
//
// Threads: the writer's alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "common/protocol/timestamp.h"
#include "wsserve/dedup_window.h"

namespace wskit::server::store {

class HeldIds {
 public:
  // An event with an id. In the order of offsets. `now`: as in oldest().
  void add(std::uint64_t offset, protocol::SystemMicros received, const DedupLimits& limits,
           protocol::SystemMicros now);

  // The oldest event whose row must stay; nothing: none must.
  [[nodiscard]] std::optional<std::uint64_t> oldest(protocol::SystemMicros now, const DedupLimits& limits);

 private:
  struct Block {
    std::uint64_t first_offset;
    std::uint64_t ids;
    protocol::SystemMicros first;
    protocol::SystemMicros last;
  };

  std::deque<Block> blocks_;
  std::uint64_t ids_ = 0;  // in all blocks
};

}  // namespace wskit::server::store
