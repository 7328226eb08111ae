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
  struct Step {
    Channel* channel = nullptr;
    bool gap = false;
  };
  Step next(Fanout& fanout, Subscriber& subscriber, std::size_t shard, std::vector<ChunkPtr>& frames);

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

  std::deque<Cursor> cursors_;
};

}  // namespace wskit::server
