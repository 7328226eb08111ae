// Which of a channel's rows carry dedup ids or sequences that must still be
// remembered: an id is one of the channel's newest ids, a sequence one of the newest
// of its producer.
//
// Counts them in blocks of neighbouring events, a few dozen at most, so that a
// row may be held a little longer than its id is, and never shorter.
//
// Threads: the writer's alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/protocol/timestamp.h"
#include "common/text_hash.h"
#include "wsserve/broker/dedup_window.h"

namespace wskit::server::store {

// Of the ids, or of one producer.
class HeldWindow {
 public:
  // An event with an id or a sequence. In the order of offsets. `now`: as in oldest().
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

class HeldIds {
 public:
  // An event with a sequence of `producer`, or (empty) with an id. In the order of
  // offsets. `now`: as in oldest().
  void add(std::uint64_t offset, protocol::SystemMicros received, std::string_view producer,
           const DedupLimits& limits, protocol::SystemMicros now);

  // The oldest event whose row must stay; nothing: none must.
  [[nodiscard]] std::optional<std::uint64_t> oldest(protocol::SystemMicros now, const DedupLimits& limits);

 private:
  struct OfProducer {
    std::string name;
    HeldWindow sequences;
  };

  HeldWindow ids_;
  // The one that published last first; no more than a channel remembers.
  std::list<OfProducer> producers_;
  // The keys are the producers' own names.
  std::unordered_map<std::string_view, std::list<OfProducer>::iterator, TextHash, std::equal_to<>> places_;
};

}  // namespace wskit::server::store
