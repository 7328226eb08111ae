// What waits for a subscriber that takes the newest event of each key instead of
// all: at most one event a key, which says how many it stands for.
//
// Knows no socket and no clock. Threads: one, the shard's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/text_hash.h"
#include "wsserve/frame/chunk.h"

namespace wskit::server {

class Channel;

class Conflation {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Interval = std::chrono::steady_clock::duration;

  // Whether an event of this key may go out at once: nothing of the channel waits, which
  // it must not overtake, and the last one went out `interval` ago. Then it counts as gone
  // out. When that
  // was is remembered of the keys whose time comes last: of as many as half of
  // kMaxIdleBytes holds at least, and never of more than all of it does.
  [[nodiscard]] bool may_pass(const Channel& channel, const Chunk& frame, Time now, Interval interval);

  // Lets the event wait. True if it replaced an older one.
  bool put(const Channel& channel, ChunkPtr frame, Interval interval);

  // The waiting event that came first, of those whose time has come by `now`
  // (Time::max(): all), as the frame to send: with `from` and `merged` where it
  // stands for others. Those of one channel come in the order of their offsets: what
  // waits of it for its keys' intervals goes out together, when the last of these is
  // over. That is one interval after the first of them began to wait, at the latest,
  // for nothing of the channel goes out meanwhile.
  [[nodiscard]] ChunkPtr take(Time now);

  // Everything that waits of one channel, whether its time has come or not, in
  // order of arrival.
  [[nodiscard]] std::vector<ChunkPtr> take_all_of(const Channel& channel, Time now);

  // When take() has something next; nothing while nothing waits.
  [[nodiscard]] std::optional<Time> next_due() const;

  // Calls `see` with the channel and the offset of each event that waits.
  void look(const std::function<void(const Channel&, std::uint64_t)>& see) const;

  [[nodiscard]] bool empty() const { return due_.empty() && early_.empty(); }
  // Of the frames that wait.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  // About what is taken beside them.
  [[nodiscard]] std::size_t slot_bytes() const { return slot_bytes_; }

  static constexpr std::size_t kMaxIdleBytes = std::size_t{8} << 20;

  // Forgets what waits, of all channels or of those that are not wanted any more.
  struct Forgotten {
    std::uint64_t waited = 0;
    std::uint64_t merged = 0;  // events for which those would have stood
  };
  Forgotten clear();  // takes no memory
  Forgotten forget_if(const std::function<bool(const Channel&)>& unwanted);

 private:
  struct Slot {
    ChunkPtr newest;  // null: nothing waits, only the time is remembered
    std::uint64_t from = 0;
    std::uint64_t merged = 0;
    std::uint64_t arrival = 0;  // of the newest
    Interval interval{};
    Time next_due{};
    bool early = false;                 // waits for its channel's time, and not among due_
    const std::string* name = nullptr;  // the map's key
    const Channel* channel = nullptr;
  };

  // What waits of one channel.
  struct Queue {
    std::map<std::uint64_t, Slot*> slots;  // all of it, by arrival
    std::size_t early = 0;                 // the last so many of them wait for a time
    Time due{};                            // that one
  };

  static std::string name_of(const Channel& channel, const Chunk& frame);
  Slot& slot_of(const Channel& channel, const Chunk& frame);
  bool put(Slot& slot, const Channel& channel, ChunkPtr frame, Interval interval);
  void erase(const Slot& slot);
  void stop_waiting(Slot& slot);
  // It waits for its channel's time, with the others that do.
  void wait_for_time(Queue& queue, Slot& slot);
  ChunkPtr hand_out(Slot& slot, Time now);
  void let_come_due(Time now);
  void forget_idle(Time now);

  std::unordered_map<std::string, Slot, TextHash, std::equal_to<>> slots_;  // by channel and key
  // What waits. A look for the next one costs the same however many keys there are.
  std::map<std::uint64_t, Slot*> due_;                // whose time has come, by arrival
  std::set<std::pair<Time, const Channel*>> early_;   // the channels whose time has not
  std::unordered_map<const Channel*, Queue> queues_;  // none is empty
  std::uint64_t arrivals_ = 0;
  std::size_t bytes_ = 0;
  std::size_t slot_bytes_ = 0;
  std::size_t look_again_bytes_ = 0;
};

// The frame of an event that stands for `merged` others, the first of which had
// the offset `from`.
[[nodiscard]] ChunkPtr merged_frame(const Chunk& frame, std::uint64_t from, std::uint64_t merged);

}  // namespace wskit::server
