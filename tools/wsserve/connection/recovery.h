// Leads a subscriber from the past to live: knows the channels whose history it still reads,
// and how far it has come in each.
//
// Beside the head start nothing is buffered: the next events are read from the
// channel's history when the socket has room, a part of each channel in turn, and
// once a channel has nothing more, the same critical section makes the subscriber
// live on it. Channels that wait for the store stand aside until it has answered, so that a
// step costs the same however many there are.
//
// Threads: one, the shard's.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <unordered_map>
#include <vector>

#include "wsserve/frame/chunk.h"

namespace wskit::server {

class Channel;
class Fanout;
class Subscriber;
struct Subscription;

class Recovery {
 public:
  // The events behind `after` follow, of which `first` are the first.
  // REQUIRES: the fan-out holds the channel back from the subscriber.
  void add(Channel& channel, std::uint64_t after, std::vector<ChunkPtr> first);
  // Gives up the channels that `unwanted` says the subscriber has left.
  void remove_if(const std::function<bool(const Channel&)>& unwanted);

  // A subscription that takes part in the replay of a channel that has begun: of
  // its events, those behind `after` are for it too.
  void join(const Channel& channel, const Subscription& subscription, std::uint64_t after);
  // The same for every channel that the subscription is for, from now on.
  void join_all(const Subscription& subscription);
  // Whether so many more subscriptions may join all, without more than
  // kMaxJoined to remember.
  [[nodiscard]] bool may_join(std::size_t subscriptions) const {
    return joins_ + subscriptions * size() <= kMaxJoined;
  }
  void forget(const Subscription& subscription);
  // Behind which offset the replay of the channel is for that subscription.
  [[nodiscard]] std::uint64_t begins_after(const Channel& channel, const Subscription& subscription) const;
  // Whether every event behind `after` is still to come, or was handed over
  // whatever its type. REQUIRES: the channel is one of those.
  [[nodiscard]] bool brings(const Channel& channel, std::uint64_t after) const;
  [[nodiscard]] bool done() const { return size() == 0; }

  // The next part of one channel's history, oldest first; `channel` says which. There are
  // no frames where the channel has to wait for the store.
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
  // Of what the last step brought something was kept from the subscriber.
  void passed_over(const Channel& channel);

  // What the store was asked for. Frames that no longer fit are left aside.
  // `lost_up_to`: as in broker::Part; true if it is to be told, before any frame.
  [[nodiscard]] bool arrived(const Channel& channel, std::uint64_t lost_up_to, std::vector<ChunkPtr> frames);
  // Whether the last next() found nothing that could be read.
  [[nodiscard]] bool waits() const { return waits_; }

  // What is read ahead when a replay begins. An event that the channel lets go
  // of in the meantime does not break a replay that has it already. Of one
  // channel, and of all together; one event may pass either.
  static constexpr std::size_t kHeadStartBytes = std::size_t{256} << 10;
  static constexpr std::size_t kAllHeadStartBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMaxJoined = 250'000;
  // Whether the store has not yet answered what it was asked for.
  [[nodiscard]] bool asks() const { return asked_ != nullptr; }
  // The bytes that were read ahead and not handed over.
  [[nodiscard]] std::size_t ahead_bytes() const { return ahead_bytes_; }

 private:
  static constexpr std::size_t kPartBytes = std::size_t{64} << 10;
  struct Cursor {
    Channel* channel;
    std::uint64_t after;        // the offset of the newest event read
    std::uint64_t whole_after;  // all behind it was handed over, or will be
    std::vector<ChunkPtr> first;
  };

  // Stays where it is in memory until its channel is live.
  using Cursors = std::list<Cursor>;
  [[nodiscard]] std::size_t size() const { return ready_.size() + cold_.size() + asking_.size(); }
  template <class See>
  void each(See&& see) const {
    for (const Cursors* cursors : {&ready_, &cold_, &asking_}) {
      for (const Cursor& cursor : *cursors) see(cursor);
    }
  }
  void erase(Cursors& cursors, Cursors::iterator cursor);
  // Made when it is asked for, for a pattern may join as many replays as there are channels.
  [[nodiscard]] const Cursor& find(const Channel& channel) const;

  Cursors ready_;   // may have something in memory
  Cursors cold_;    // the store alone has what follows
  Cursors asking_;  // the one of `asked_`, unless its subscriber has left it
  // One at a time is asked for, so that no more than a part waits in memory.
  const Channel* asked_ = nullptr;
  bool waits_ = false;
  mutable bool indexed_ = false;
  mutable std::unordered_map<const Channel*, const Cursor*> index_;

  // Where those begin that take part in only the rest of a replay: few, if any.
  using Joined = std::unordered_map<const Channel*, std::uint64_t>;
  std::unordered_map<const Subscription*, Joined> joined_;
  std::size_t joins_ = 0;  // in all of these
  std::size_t ahead_bytes_ = 0;
};

}  // namespace wskit::server
