// The dedup ids and sequences of the events that a log accepted lately, with their offsets,
// so that the log recognises an event that is sent again.
//
// Threads: guarded by its channel's mutex.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "common/protocol/command.h"
#include "common/protocol/timestamp.h"
#include "wsserve/broker/dedup_window.h"
#include "wsserve/broker/memory_budget.h"
#include "wsserve/broker/producer.h"
#include "wsserve/broker/sequence_windows.h"
#include "wsserve/loop/age_clock.h"

namespace wskit::server::broker {

// What all logs share. It outlives them.
struct Shared {
  MemoryBudget& dedup_ids;  // and sequences
  Producers& producers;
  const AgeClock& ages;
};

// How a log recognises an event that is sent again: by a dedup id, by a producer's
// sequence, or not at all.
struct Recognition {
  std::string_view dedup;         // empty: none
  const ProducerPtr* producer{};  // null: no sequence
  std::int64_t sequence = protocol::kNoSequence;
};

class RecentMarks {
 public:
  RecentMarks(const Shared& shared, const DedupLimits& limits)
      : shared_(shared), limits_(limits), dedup_(shared.dedup_ids) {}

  using Verdict = SequenceWindows::Verdict;
  [[nodiscard]] Verdict find(const Recognition& by, protocol::SystemMicros now);
  // The same for a sequence alone.
  [[nodiscard]] Verdict find(const Producer& producer, std::int64_t sequence, protocol::SystemMicros now);

  // REQUIRES: find() has just said that it is new.
  void add(const Recognition& by, std::uint64_t offset, protocol::SystemMicros now);
  // Forgets what was accepted with `offset` or later: those events were taken back.
  void forget_from(std::uint64_t offset);

  // Forgets what is too old.
  void expire(protocol::SystemMicros now);
  // Takes effect with the next call that brings a time.
  void set_limits(const DedupLimits& limits) { limits_ = limits; }

  [[nodiscard]] bool empty() const { return dedup_.size() == 0 && sequences_ == nullptr; }

 private:
  // The time against which ages are measured.
  [[nodiscard]] protocol::SystemMicros age_now(protocol::SystemMicros wall) const {
    return shared_.ages.now_for(limits_.max_age, wall);
  }

  const Shared& shared_;
  DedupLimits limits_;
  DedupWindow dedup_;
  std::unique_ptr<SequenceWindows> sequences_;  // null: no producer's sequence is remembered
};

// Remembers an event that is about to be appended. What may fail comes first: an event that
// was accepted and is not remembered would be published twice when it is sent again.
class Remembered {
 public:
  Remembered(RecentMarks& marks, const Recognition& by, std::uint64_t offset, protocol::SystemMicros now)
      : marks_(marks), offset_(offset) {
    marks.add(by, offset, now);
  }
  // Forgets it again, unless keep() was called.
  ~Remembered() {
    if (!kept_) marks_.forget_from(offset_);
  }
  Remembered(const Remembered&) = delete;
  Remembered& operator=(const Remembered&) = delete;

  void keep() { kept_ = true; }

 private:
  RecentMarks& marks_;
  const std::uint64_t offset_;
  bool kept_ = false;
};

}  // namespace wskit::server::broker
