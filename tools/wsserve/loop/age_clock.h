// How old something is that bears the wall clock's time, whatever was done to that clock
// since: it is set right after a start, by hand, or by a time server that is wrong for
// some seconds, and nothing is to be deleted for that.
//
// Time that goes on evenly (it counts while the machine sleeps, too) tells when the wall
// clock jumps. An age of at most so much is then measured without the jumps forward
// that lie within that time: what was received before a jump is exactly as old as it
// is, what was received after it counts as younger, never as older.
//
// Threads: any thread. While the clock has not jumped lately nothing is locked.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

#include "common/protocol/timestamp.h"

namespace wskit::server {

class AgeClock {
 public:
  using EvenClock = std::function<std::chrono::microseconds()>;

  // Less is no jump: time servers turn clocks by less at a time.
  static constexpr std::chrono::microseconds kLeastJump = std::chrono::seconds{2};

  // `even`: a time that only goes on; empty: the system's.
  explicit AgeClock(EvenClock even = {});

  // What the wall clock says. To be called often, and before now_for() with that time.
  void look(protocol::SystemMicros wall);

  // The time against which ages of up to `age` are measured, where the wall clock
  // says `wall`; not later than that.
  [[nodiscard]] protocol::SystemMicros now_for(std::chrono::microseconds age,
                                               protocol::SystemMicros wall) const {
    return jumped_.load(std::memory_order_acquire) ? without_jumps(age, wall) : wall;
  }

  // The jumps since the last call, in their order: forward, or back.
  [[nodiscard]] std::deque<std::chrono::microseconds> take_jumps();

 private:
  struct Jump {
    std::chrono::microseconds at;  // of the even clock
    std::chrono::microseconds by;
  };

  [[nodiscard]] protocol::SystemMicros without_jumps(std::chrono::microseconds age,
                                                     protocol::SystemMicros wall) const;

  const EvenClock even_;
  std::atomic<bool> jumped_{false};
  std::atomic<std::chrono::microseconds::rep> parted_;  // wall less even, as last seen or taken for a jump

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::deque<Jump> jumps_;
  std::deque<std::chrono::microseconds> untold_;
};

}  // namespace wskit::server
