// One channel: the order of its events, those it still holds, and which shards
// want them.
//
// Threads: any thread. One short critical section gives an event its offset,
// builds its frame, keeps it and hands it to the inboxes, so that every
// subscriber of the channel sees the same order, and a reader who has caught up
// with the history goes live without a hole or a repetition.
//
// On a durable channel that section ends with the store's queue instead, and the
// store's writer keeps and hands over the event once it is on disk: nobody sees
// an event that a crash can take back. Its history in memory is the newest part
// of what the store holds.
#pragma once

#include <atomic>
#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/command.h"
#include "common/protocol/event.h"
#include "common/protocol/position.h"
#include "wsserve/broker/producer.h"
#include "wsserve/channel/channel_options.h"
#include "wsserve/frame/chunk.h"
#include "wsserve/loop/age_clock.h"
#include "wsserve/store/store.h"

namespace wskit::server {

class Inbox;
class SequenceWindows;

// When the server received an event, as a value and as the protocol writes it.
struct ReceiveTime {
  protocol::SystemMicros at;
  std::string_view text;
};

// How an event is recognised that is sent again: by a dedup id, by a producer's
// sequence, or not at all.
struct Recognition {
  std::string_view dedup;         // empty: none
  const ProducerPtr* producer{};  // null: no sequence
  std::int64_t sequence = protocol::kNoSequence;
};

[[nodiscard]] inline Recognition recognition_of(const protocol::PublishEvent& event,
                                                const ProducerPtr& producer) {
  if (producer == nullptr || event.sequence == protocol::kNoSequence) return {.dedup = event.dedup};
  return {.dedup = {}, .producer = &producer, .sequence = event.sequence};
}

// Where a channel stands.
struct Position {
  std::uint64_t offset = 0;  // of its newest event; 0: none yet
  std::string_view epoch;    // lives as long as the channel
};

// What became of a published event.
struct Accepted {
  std::uint64_t offset = 0;
  bool duplicate = false;           // it was seen before, with this offset
  store::Ticket ticket = 0;         // on disk once the store has settled this; 0: accepted already
  bool unavailable = false;         // the store takes nothing now: not accepted
  bool forgotten = false;           // its sequence is too old to know whether it was seen: not accepted
  std::int64_t oldest = 0;          // the least sequence that would be recognised, of a forgotten one
  std::size_t copies = 0;           // accepted in other channels
  store::Ticket copies_ticket = 0;  // of those that the event itself does not wait for
};

// Where a reader who asks for `since` begins.
struct ReplayStart {
  std::uint64_t after = 0;  // the events behind this offset follow
  bool recovered = false;   // they are all that the reader missed
  std::uint64_t replayed = 0;
  std::uint64_t oldest = 1;  // the oldest event held, the next one if none is
  Position newest;
  bool in_store = false;   // the first of them is no longer in memory
  std::uint64_t seam = 0;  // begin_replay: deliveries to the shard's inbox after it follow `newest`
};

// What one shard keeps of a channel beside the channel itself: the fan-out's LocalChannel.
// The channel holds it and destroys it, and knows nothing else of it.
class ShardState {
 public:
  ShardState() = default;
  virtual ~ShardState();
  ShardState(const ShardState&) = delete;
  ShardState& operator=(const ShardState&) = delete;
};

class Channel final : private store::Sink {
 public:
  // What a channel shares with all others. Outlives it.
  struct Home {
    std::span<const std::unique_ptr<Inbox>> inboxes;  // one a shard, in the shards' order
    MemoryBudget& histories;
    MemoryBudget& dedup_ids;
    Producers& producers;
    const AgeClock& ages;
    store::Store* store = nullptr;  // null: no channel is durable
  };

  Channel(std::string name, std::string epoch, const ChannelOptions& options, const Home& home,
          std::uint64_t interested_shards);
  // A durable one, which goes on where the store's left off. REQUIRES: a store.
  Channel(store::StoredChannel& stored, const ChannelOptions& options, const Home& home,
          std::uint64_t interested_shards);
  ~Channel();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string_view epoch() const { return epoch_; }
  [[nodiscard]] DeliveryMode delivery() const { return delivery_.load(std::memory_order_relaxed); }

  // From now on events are treated so; those held are let go of as the new limits
  // ask. Whether the channel is durable stays as it is: false if that is not as
  // the options want it.
  bool set_options(const ChannelOptions& options, protocol::SystemMicros now);
  [[nodiscard]] ChannelOptions options() const;
  // Null: not durable.
  [[nodiscard]] store::StoredChannel* stored() const { return stored_; }

  // Appends one event. The receive time stands in where the event brought no
  // timestamp of its own. `producer`: whose sequence the event has; null: it has none.
  Accepted publish(const protocol::PublishEvent& event, const ReceiveTime& received,
                   const ProducerPtr& producer = nullptr);

  // The same, with a copy in each of `copies`: other channels, each once. A copy has
  // type, timestamp and data of the event, its key or else the one that the
  // channel's own rule finds, and an offset of its channel. Copies of one channel's
  // events keep their order.
  //
  // Of a durable event and its durable copies all are stored or none, and copies
  // that are not durable appear once it is on disk. One that is not durable itself
  // does not wait for its copies, and is accepted though some are not.
  Accepted publish(const protocol::PublishEvent& event, const ReceiveTime& received,
                   std::span<Channel* const> copies, const ProducerPtr& producer = nullptr);

  // What publish() would say now of an event with that sequence: `forgotten`, or
  // nothing.
  [[nodiscard]] std::optional<Accepted> check_sequence(const Producer& producer, std::int64_t sequence,
                                                       protocol::SystemMicros now);

  // By which routes its events go to other channels too; null: none.
  [[nodiscard]] routing::ChannelRoutesPtr routes() const;

  // The time that `since` begins this channel at, if only the store can say where
  // that is.
  [[nodiscard]] std::optional<protocol::SystemMicros> beyond_memory(const protocol::Since& since) const;

  // Where `since` is; FromNow begins behind the newest event and has recovered
  // nothing. The first events of the replay come with it, until `max_bytes` are
  // passed: taken at once, for the oldest ones may be let go at any
  // moment. REQUIRES: !beyond_memory(since). With `shard`: `max_bytes` may be 0 for
  // none, and events must go to the inbox of `shard`.
  ReplayStart begin_replay(const protocol::Since& since, std::size_t max_bytes, std::size_t shard,
                           std::vector<ChunkPtr>& out) const;
  ReplayStart begin_replay(const protocol::Since& since, std::size_t max_bytes,
                           std::vector<ChunkPtr>& out) const;

  // The events behind `after`, oldest first, until `max_bytes` are passed.
  // `gap`: the next one is no longer held, nothing was read. `in_store`: it is
  // held by the store alone, up to `newest` at least; nothing was read.
  struct Part {
    bool gap = false;
    bool in_store = false;
    bool complete = false;  // nothing follows; then, with `shard`, `seam` is set
    std::uint64_t seam = 0;
    std::uint64_t newest = 0;
  };
  Part read(std::uint64_t after, std::size_t max_bytes, std::vector<ChunkPtr>& out) const;
  // The same for a reader who wants to go live: if the part is complete, events
  // go to the inbox of `shard` from now on, and its deliveries numbered after
  // `seam` are exactly the events that follow.
  Part read_and_join(std::uint64_t after, std::size_t max_bytes, std::vector<ChunkPtr>& out,
                     std::size_t shard);

  // From now on events go to the inbox of `shard` too. Returns where the channel
  // stands, and in `seam` the inbox's count of deliveries at that moment: those
  // that come after it are exactly the events after the position.
  Position join(std::size_t shard, std::uint64_t& seam);

  // Makes sure that events go to the inbox of `shard`, for a pattern.
  void show_interest(std::size_t shard);
  // Nobody on `shard` listens any more.
  void lose_interest(std::size_t shard);
  // Whether some shard may have a listener.
  [[nodiscard]] bool is_heard() const;

  [[nodiscard]] Position position() const;
  // Memory is short: lets go of the older half of its events.
  void shed_history();
  // Lets go of events, dedup ids and sequences that have become too old.
  void expire(protocol::SystemMicros now);
  // Whether it can be forgotten without a loss but that of its epoch: it holds
  // nothing, no shard listens, and nobody has used it for `ttl` (0: for ever). One that
  // was never published to waits for nothing; a durable one that was never is idle.
  [[nodiscard]] bool is_idle(protocol::SystemMicros now, std::chrono::microseconds ttl) const;
  // No event was ever published to it, nor is one on its way.
  [[nodiscard]] bool is_unborn() const;

  // What the shard keeps of the channel, made and read by its fan-out; null: nothing. Only
  // that shard's thread may touch it.
  [[nodiscard]] std::unique_ptr<ShardState>& local(std::size_t shard) { return local_[shard]; }

 private:
  void remember_stored();
  // The event's key as it will be sent: its own, or the one that the rule finds in
  // its data, then in `storage`. The mutex is not held.
  std::string_view find_key(const protocol::PublishEvent& event, std::string& storage) const;
  // The event as it will be sent, but for its offset; a key that is found is in
  // `storage`. The mutex is not held.
  protocol::EventView view_of(const protocol::PublishEvent& event, const ReceiveTime& received,
                              std::string& storage) const;
  // Copies, in channel_copies.cc.
  struct Copy;
  class LaterCopies;
  static std::vector<Copy> prepare_copies(const protocol::EventView& view,
                                          const protocol::PublishEvent& event,
                                          std::span<Channel* const> channels);
  // REQUIRES: the mutexes of all held.
  Accepted append_with_copies(protocol::EventView& view, const ReceiveTime& received, std::span<Copy> copies);
  Accepted store_with_copies(protocol::EventView& view, const Recognition& by, const ReceiveTime& received,
                             std::span<Copy> copies);
  // Takes the mutex.
  void append_later_copy(protocol::EventView view, protocol::SystemMicros received);

  // store::Sink, on the writer's thread.
  void committed(std::span<const store::Record> records) override;
  void rolled_back() override;

  // REQUIRES: mutex_ held, all of them.
  // What an event is answered with that is not new, or perhaps is not.
  std::optional<Accepted> recognise(const Recognition& by, protocol::SystemMicros now);
  void remember(const Recognition& by, std::uint64_t offset, protocol::SystemMicros now);
  void forget_from(std::uint64_t offset);
  // Has the next event appended, which is remembered before.
  template <class Append>
  Accepted accept(const Recognition& by, protocol::SystemMicros now, Append&& append);
  // Gives the event its offset.
  store::Record make_record(protocol::EventView& view, const Recognition& by,
                            protocol::SystemMicros received);
  void queued(std::uint64_t offset, store::Ticket ticket);
  Accepted append(protocol::EventView& view, protocol::SystemMicros received);
  // The same in two steps, of which only the first may fail.
  [[nodiscard]] ChunkPtr next_frame(protocol::EventView& view) const;
  void take(ChunkPtr frame, protocol::SystemMicros received) noexcept;
  Accepted append_to_store(protocol::EventView& view, const Recognition& by, protocol::SystemMicros received);
  // The times against which the ages of its events and ids are measured.
  [[nodiscard]] protocol::SystemMicros history_now(protocol::SystemMicros wall) const {
    return home_.ages.now_for(options_.history.max_age, wall);
  }
  [[nodiscard]] protocol::SystemMicros dedup_now(protocol::SystemMicros wall) const {
    return home_.ages.now_for(options_.dedup.max_age, wall);
  }
  void hand_over(ChunkPtr frame, protocol::SystemMicros received) noexcept;
  [[nodiscard]] bool is_unborn_locked() const;
  [[nodiscard]] std::uint64_t oldest() const;
  ReplayStart locate_locked(const protocol::Since& since) const;
  Part read_locked(std::uint64_t after, std::size_t max_bytes, std::vector<ChunkPtr>& out) const;
  ReplayStart begin_after(std::uint64_t after, bool recovered) const;
  ReplayStart locate_position(const protocol::Position& position) const;
  ReplayStart locate_last(std::uint64_t events) const;
  ReplayStart locate_time(protocol::SystemMicros time) const;

  const std::string name_;
  const std::string epoch_;
  const Home home_;
  store::StoredChannel* const stored_ = nullptr;

  mutable std::mutex mutex_;
  // Written under mutex_, read without it.
  std::atomic<DeliveryMode> delivery_;
  std::atomic<bool> finds_keys_;
  std::atomic<bool> has_routes_;
  // Copies that wait for their event to be on disk, with a pointer to the channel.
  std::atomic<std::uint32_t> later_copies_{0};
  // Guarded by mutex_.
  ChannelOptions options_;
  std::uint64_t offset_ = 0;         // of the newest event
  std::uint64_t assigned_ = 0;       // of the newest event on its way to the store
  store::Ticket ticket_ = 0;         // of that event
  std::uint64_t interested_shards_;  // a bit a shard
  History history_;
  DedupWindow dedup_;
  std::unique_ptr<SequenceWindows> sequences_;  // null: no producer ever published to it
  protocol::SystemMicros used_;                 // made, published to, or left by a listener

  boost::container::small_vector<std::unique_ptr<ShardState>, 2> local_;
};

// What may fail comes first: an event that was accepted and is not remembered would be
// published twice when it is sent again.
template <class Append>
Accepted Channel::accept(const Recognition& by, protocol::SystemMicros now, Append&& append) {
  const std::uint64_t& newest = stored_ == nullptr ? offset_ : assigned_;
  const std::uint64_t next = newest + 1;
  remember(by, next, now);
  try {
    const Accepted accepted = append();
    if (accepted.unavailable) forget_from(next);
    return accepted;
  } catch (...) {
    if (newest < next) forget_from(next);
    throw;
  }
}

}  // namespace wskit::server
