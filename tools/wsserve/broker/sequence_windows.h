// The sequences that a channel accepted lately of each producer, with their
// offsets, so that an event that is sent again after a reconnect is not published
// again.
//
// A sequence greater than the newest of its producer costs one comparison; all
// others are looked up. An entry takes 16 bytes.
//
// Threads: guarded by its channel's mutex.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "common/protocol/timestamp.h"
#include "wsserve/broker/dedup_window.h"
#include "wsserve/broker/memory_budget.h"
#include "wsserve/broker/producer.h"

namespace wskit::server {

class SequenceWindows {
 public:
  // What a producer costs beside its sequences, about.
  static constexpr std::size_t kOverheadBytes = 256;

  explicit SequenceWindows(MemoryBudget& budget) : budget_(budget) {}
  ~SequenceWindows();
  SequenceWindows(const SequenceWindows&) = delete;
  SequenceWindows& operator=(const SequenceWindows&) = delete;

  struct Verdict {
    enum class Kind : std::uint8_t {
      kNew,
      kDuplicate,  // it was accepted before, as `offset`
      kForgotten,  // older than all that is remembered: perhaps it was accepted, perhaps not
    };
    Kind kind = Kind::kNew;
    std::uint64_t offset = 0;
    std::int64_t oldest = 0;  // kForgotten: the least that would be recognised
  };
  [[nodiscard]] Verdict check(const Producer& producer, std::int64_t sequence, protocol::SystemMicros now,
                              const DedupLimits& limits) {
    const Window* window = find(producer);
    if (window == nullptr || sequence > window->newest) return {};
    return look_up(sequence, now, limits);
  }
  // REQUIRES: check() has just said that it is new.
  void add(const ProducerPtr& producer, std::int64_t sequence, std::uint64_t offset,
           protocol::SystemMicros now, const DedupLimits& limits);
  // Forgets what was accepted with `offset` or later: those events were taken back.
  void forget_from(std::uint64_t offset);

  // Forgets sequences that are too old, and the oldest where the limits have shrunk.
  void expire(protocol::SystemMicros now, const DedupLimits& limits);

  [[nodiscard]] bool empty() const { return windows_.empty(); }
  [[nodiscard]] std::size_t producers() const { return windows_.size(); }
  // Of all producers.
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    std::int64_t sequence;
    std::uint64_t offset;
  };

  // Entries in ascending order of sequence, in a ring.
  class Ring {
   public:
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }
    [[nodiscard]] Entry& operator[](std::size_t index) {
      std::size_t place = first_ + index;
      if (place >= capacity_) place -= capacity_;
      return entries_[place];
    }
    [[nodiscard]] const Entry& operator[](std::size_t index) const { return const_cast<Ring&>(*this)[index]; }
    [[nodiscard]] const Entry& front() const { return (*this)[0]; }
    [[nodiscard]] const Entry& back() const { return (*this)[size_ - 1]; }
    // How many entries have a smaller sequence.
    [[nodiscard]] std::size_t lower_bound(std::int64_t sequence) const;
    // REQUIRES: size() < capacity(); no entry has its sequence.
    void insert(Entry entry);
    void pop_front(std::size_t entries);
    void drop_from(std::uint64_t offset);
    // REQUIRES: capacity >= size().
    void set_capacity(std::size_t capacity);

   private:
    std::unique_ptr<Entry[]> entries_;
    std::uint32_t capacity_ = 0;
    std::uint32_t first_ = 0;
    std::uint32_t size_ = 0;
  };

  // Sequences up to `last` that are not in the block before: when they were accepted.
  struct Block {
    std::int64_t last;
    protocol::SystemMicros ended;
  };

  // What an event that is new looks at stands in front and together.
  struct Window {
    explicit Window(ProducerPtr of) : producer(std::move(of)) {}
    [[nodiscard]] std::int64_t newest_remembered() const {
      return ring.size() == 0 ? forgotten : ring.back().sequence;
    }

    ProducerPtr producer;
    std::int64_t newest = -1;  // of the ring; if it is empty, `forgotten`
    Ring ring;
    // Of the block that is filled now, all behind those in `blocks`.
    protocol::SystemMicros begun{};
    protocol::SystemMicros ended{};
    std::int64_t forgotten = -1;  // the greatest that is no longer in the ring
    std::vector<Block> blocks;    // a few dozen at most
  };
  using Windows = std::list<Window>;

  // Null: nothing is remembered of it. It is the first of windows_ then.
  [[nodiscard]] Window* find(const Producer& producer) {
    if (!windows_.empty() && windows_.front().producer.get() == &producer) return &windows_.front();
    return find_behind_first(producer);
  }
  [[nodiscard]] Window* find_behind_first(const Producer& producer);
  // In the first window.
  [[nodiscard]] Verdict look_up(std::int64_t sequence, protocol::SystemMicros now, const DedupLimits& limits);
  // Makes room for one more.
  void make_room(Window& window, const DedupLimits& limits);
  void note_time(Window& window, std::int64_t sequence, protocol::SystemMicros now,
                 const DedupLimits& limits);
  // False: nothing of it is left.
  static bool expire(Window& window, protocol::SystemMicros now, const DedupLimits& limits);
  static void forget_oldest(Window& window, std::size_t entries);
  void set_capacity(Window& window, std::size_t capacity);
  void keep_within(const DedupLimits& limits);
  void erase(Windows::iterator window);

  MemoryBudget& budget_;
  Windows windows_;  // the one used last first
  std::unordered_map<const Producer*, Windows::iterator> places_;
};

}  // namespace wskit::server
