// The closed loop's account of one publisher: how many of its events are on their
// way, and when each has reached every subscriber of its channel.
//
// Threads: open(), room() and expire() belong to whoever holds the publisher;
// received() may be called from any thread, in batches.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "wsbench/clock.h"

namespace wskit::bench {

class Window {
 public:
  // At most `limit` events in flight; at least `batch` of it must be free before more
  // are sent.
  Window(std::uint32_t limit, std::uint32_t batch);

  // How many events may be sent now, the next of which has the number `next`.
  [[nodiscard]] std::uint32_t room(std::uint64_t next) const;

  // The event has been sent; `receivers` deliveries will complete it. REQUIRES:
  // room() said so.
  void open(std::uint64_t sequence, std::uint32_t receivers, Nanos sent);

  // `deliveries` more subscribers have the event. True if it is complete with them.
  bool received(std::uint64_t sequence, std::uint32_t deliveries);

  // Gives up the events that were sent before `deadline` and are not complete, so
  // that a lost delivery does not stop the loop. Returns how many.
  std::uint32_t expire(Nanos deadline);

  [[nodiscard]] std::uint32_t in_flight() const;

 private:
  // `state`: the low half of the event's number above the deliveries to come; a late
  // delivery of an event that was given up finds another number there.
  struct Slot {
    std::atomic<std::uint64_t> state{0};
    Nanos sent = 0;
  };

  [[nodiscard]] static std::uint64_t pack(std::uint64_t sequence, std::uint64_t remaining) {
    return sequence << 32 | remaining;
  }
  [[nodiscard]] static std::uint32_t remaining(std::uint64_t state) {
    return static_cast<std::uint32_t>(state);
  }
  [[nodiscard]] Slot& slot(std::uint64_t sequence) const { return slots_[sequence & mask_]; }

  std::uint32_t limit_;
  std::uint32_t batch_;
  std::uint64_t mask_;
  std::unique_ptr<Slot[]> slots_;
  std::uint64_t opened_ = 0;
  alignas(64) std::atomic<std::uint64_t> completed_{0};
};

}  // namespace wskit::bench
