// Deadlines of many connections, cheaply: a ring of lists, one list a tick.
// A deadline further away than the ring is long goes round.
//
// Threads: one, the shard's.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace wskit::server {

using Clock = std::chrono::steady_clock;

class TimingWheel {
 public:
  // Embedded in what has a deadline; at most one each. Unlinked by its
  // destructor.
  class Entry {
   public:
    Entry() = default;
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   protected:
    virtual ~Entry() { unlink(); }
    virtual void on_deadline() = 0;

   private:
    friend class TimingWheel;
    void unlink();

    Entry* previous_ = nullptr;
    Entry* next_ = nullptr;
    std::uint64_t due_tick_ = 0;
  };

  static constexpr std::chrono::milliseconds kTick{5};

  explicit TimingWheel(Clock::time_point now);

  // Sets or moves the deadline; it fires at most one tick late.
  void schedule(Entry& entry, Clock::time_point deadline);
  void cancel(Entry& entry) { entry.unlink(); }

  // Calls on_deadline of every entry that is due; it may schedule itself again.
  void advance(Clock::time_point now);

  // Milliseconds to wait before the next advance() is of use; -1: nothing is
  // scheduled.
  [[nodiscard]] int wait_ms(Clock::time_point now);

 private:
  static constexpr std::size_t kSlots = 2048;
  // Heads of circular lists.
  struct Head final : Entry {
    void on_deadline() override {}
  };

  [[nodiscard]] std::uint64_t tick_of(Clock::time_point time) const;
  void link(Entry& entry);

  Clock::time_point start_;
  std::uint64_t current_tick_ = 0;
  std::array<Head, kSlots> slots_;
  // A bit a slot: set when something is linked, cleared when found empty.
  std::array<std::uint64_t, kSlots / 64> occupied_{};
};

}  // namespace wskit::server
