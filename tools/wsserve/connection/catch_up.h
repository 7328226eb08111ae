// A connection's way from the past to live: the channels whose history it still
// reads, and how far it has come in each.
//
// Beside the head start nothing is buffered: the next events are read from the
// channel's history when the socket has room, a part of each channel in turn, and
// once a channel has nothing more, the same critical section makes the connection
// live on it.
//
// Threads: one, the shard's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "wsserve/chunk.h"

namespace wskit::server {

class Channel;
class Fanout;
class Subscriber;

class CatchUp {
 public:
  // The events behind `after` follow, of which `first` are the first.
  // REQUIRES: the fan-out holds the channel back from the subscriber.
  void add(Channel& channel, std::uint64_t after, std::vector<ChunkPtr> first);
  // Gives up the channels that `unwanted` says the subscriber has left.
  void remove_if(const std::function<bool(const Channel&)>& unwanted);

  [[nodiscard]] bool covers(const Channel& channel) const;
  [[nodiscard]] bool done() const { return cursors_.empty(); }

  // The next part of one channel's history, oldest first; `channel` says which.
  // Goes live on it where that was the rest. `gap`: the history has moved on
  // while the subscriber was reading, so that what follows cannot be told whole.
  // `ask`: the store alone has what follows: the events behind `after` up to
  // `newest`, to be handed to arrived(). No channel: nothing can be read before
  // that.
  struct Step {
    Channel* channel = nullptr;
    bool gap = false;
    bool ask = false;
    std::uint64_t after = 0;
    std::uint64_t newest = 0;
  };
  Step next(Fanout& fanout, Subscriber& subscriber, std::size_t shard, std::vector<ChunkPtr>& frames);

  // What the store was asked for. Frames that no longer fit are left aside.
  void arrived(const Channel& channel, std::vector<ChunkPtr> frames);
  // Whether the last next() found nothing that could be read.
  [[nodiscard]] bool waits() const { return waits_; }

  // What is read ahead when a replay begins. An event that the channel lets go
  // of in the meantime does not break a replay that has it already.
  static constexpr std::size_t kHeadStartBytes = std::size_t{256} << 10;

 private:
  static constexpr std::size_t kPartBytes = std::size_t{64} << 10;
  struct Cursor {
    Channel* channel;
    std::uint64_t after;  // the offset of the newest event read
    std::vector<ChunkPtr> first;
  };

  // One at a time is asked for, so that no more than a part waits in memory.
  const Channel* asked_ = nullptr;
  bool waits_ = false;
  std::deque<Cursor> cursors_;
};

}  // namespace wskit::server
