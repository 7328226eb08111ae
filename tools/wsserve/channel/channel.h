// One channel: the order of its events, those it still holds, and which shards
// want them.
//
// Threads: any thread. One short critical section gives an event its offset,
// builds its frame, keeps it and hands it to the inboxes, so that every
// subscriber of the channel sees the same order, and a reader who has caught up
// with the history goes live without a hole or a repetition.
//
// The channel's log (broker/broker.h) gives the offsets. Where the log is durable, the
// section ends with the log's queue instead of the inboxes, and the channel keeps and hands
// over the event once the log brings it: nobody sees an event that a crash can take back.
// The channel's history in memory is then the newest part of what the log holds.
#pragma once

#include <atomic>
#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <forward_list>
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
#include "wsserve/broker/broker.h"
#include "wsserve/broker/history.h"
#include "wsserve/broker/producer.h"
#include "wsserve/channel/channel_options.h"
#include "wsserve/frame/chunk.h"
#include "wsserve/loop/age_clock.h"

namespace wskit::server {

class Inbox;

// When the server received an event, as a value and as the protocol writes it.
struct ReceiveTime {
  protocol::SystemMicros at;
  std::string_view text;
};

[[nodiscard]] inline broker::Recognition recognition_of(const protocol::PublishEvent& event,
                                                        const ProducerPtr& producer) {
  if (producer == nullptr || event.sequence == protocol::kNoSequence) return {.dedup = event.dedup};
  return {.dedup = {}, .producer = &producer, .sequence = event.sequence};
}

// A position in a channel: an offset and its epoch.
struct Position {
  std::uint64_t offset = 0;  // of its newest event; 0: none yet
  std::string_view epoch;    // lives as long as the channel
};

// The outcome of publishing an event.
struct Accepted {
  std::uint64_t offset = 0;          // 0: the broker tells it once it has settled the ticket
  bool duplicate = false;            // it was seen before, with this offset
  bool first = false;                // of the channel
  broker::Ticket ticket = 0;         // kept once the broker has settled this; 0: accepted already
  bool unavailable = false;          // the broker takes nothing now: not accepted
  bool forgotten = false;            // its sequence is too old to know whether it was seen: not accepted
  std::int64_t oldest = 0;           // the least sequence that would be recognised, of a forgotten one
  std::size_t copies = 0;            // accepted in other channels
  broker::Ticket copies_ticket = 0;  // of those that the event itself does not wait for
};

[[nodiscard]] Accepted accepted_as(const broker::Receipt& receipt);

// The start of a replay for a reader who asks for `since`.
struct ReplayStart {
  std::uint64_t after = 0;  // the events behind this offset follow
  bool recovered = false;   // they are all that the reader missed
  std::uint64_t replayed = 0;
  std::uint64_t oldest = 1;  // the oldest event held, the next one if none is
  Position newest;
  bool in_store = false;   // the log alone has the first of them
  std::uint64_t seam = 0;  // begin_replay: deliveries to the shard's inbox after it follow `newest`
};

// The state that one shard keeps beside a channel: the fan-out's LocalChannel. The channel owns
// it, and knows nothing else of it.
class ShardState {
 public:
  ShardState() = default;
  virtual ~ShardState();
  ShardState(const ShardState&) = delete;
  ShardState& operator=(const ShardState&) = delete;
};

class Channel final : private broker::Log::Listener {
 public:
  // The parts that a channel shares with all others. They outlive it.
  struct Home {
    std::span<const std::unique_ptr<Inbox>> inboxes;  // one a shard, in the shards' order
    MemoryBudget& histories;
    const broker::Shared& shared;
    broker::Broker& broker;
  };

  // Goes on where its log stands. `epoch`: of a log that is new.
  Channel(std::string name, std::string_view epoch, const ChannelOptions& options, const Home& home,
          std::uint64_t interested_shards);
  ~Channel();

  [[nodiscard]] const std::string& name() const { return name_; }
  // That of now; it lives as long as the channel, also where another one follows.
  [[nodiscard]] std::string_view epoch() const { return *epoch_.load(std::memory_order_acquire); }
  [[nodiscard]] DeliveryMode delivery() const { return delivery_.load(std::memory_order_relaxed); }

  // From now on events are treated so; those held are let go of as the new limits
  // ask. Whether the channel is durable stays as it is.
  void set_options(const ChannelOptions& options, protocol::SystemMicros now);
  [[nodiscard]] ChannelOptions options() const;
  // As Log::is_durable().
  [[nodiscard]] bool is_durable() const { return durable_; }
  // For Log::read() and Log::locate(). REQUIRES: is_durable().
  [[nodiscard]] broker::Log& log() const { return *log_; }

  // Appends one event. The receive time stands in where the event brought no
  // timestamp of its own. `producer`: whose sequence the event has; null: it has none.
  Accepted publish(const protocol::PublishEvent& event, const ReceiveTime& received,
                   const ProducerPtr& producer = nullptr);

  // The same, with a copy in each of `copies`: other channels, each once. A copy has
  // type, timestamp and data of the event, its key or else the one that the
  // channel's own rule finds, and an offset of its channel. Copies of one channel's
  // events keep their order.
  //
  // Of a durable event and its durable copies all are kept or none, and copies
  // that are not durable appear once it is settled. One that is not durable itself
  // does not wait for its copies, and is accepted though some are not. Where the broker
  // cannot keep them together, the event is accepted without copies.
  Accepted publish(const protocol::PublishEvent& event, const ReceiveTime& received,
                   std::span<Channel* const> copies, const ProducerPtr& producer = nullptr);

  // Answers `forgotten` if publish() would say so now of an event with that sequence, else
  // nothing.
  [[nodiscard]] std::optional<Accepted> check_sequence(const Producer& producer, std::int64_t sequence,
                                                       protocol::SystemMicros now);

  // By which routes its events go to other channels too; null: none.
  [[nodiscard]] routing::ChannelRoutesPtr routes() const;

  // The time that `since` begins this channel at, if only the log can say where
  // that is.
  [[nodiscard]] std::optional<protocol::SystemMicros> beyond_memory(const protocol::Since& since) const;

  // Finds the place of `since`; FromNow begins behind the newest event and has recovered
  // nothing. The first events of the replay come with it, until `max_bytes` are
  // passed: taken at once, for the oldest ones may be let go at any
  // moment. REQUIRES: !beyond_memory(since). With `shard`: `max_bytes` may be 0 for
  // none, and events must go to the inbox of `shard`.
  ReplayStart begin_replay(const protocol::Since& since, std::size_t max_bytes, std::size_t shard,
                           std::vector<ChunkPtr>& out) const;
  ReplayStart begin_replay(const protocol::Since& since, std::size_t max_bytes,
                           std::vector<ChunkPtr>& out) const;

  // The events behind `after`, oldest first, until `max_bytes` are passed.
  // `gap`: the next one is no longer held, nothing was read. `in_store`: the log
  // alone holds it, up to `newest` at least; nothing was read.
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
  // The offset of the newest event that no reader gets any more, of when the log was broken
  // last. Events behind it have the epoch of now.
  [[nodiscard]] std::uint64_t broken_at() const { return broken_at_.load(std::memory_order_acquire); }
  // Memory is short: lets go of the older half of its events.
  void shed_history();
  // Lets go of events, dedup ids and sequences that have become too old.
  void expire(protocol::SystemMicros now);
  // Whether it can be forgotten without a loss but that of its epoch: it holds
  // nothing, no shard listens, and nobody has used it for `ttl` (0: for ever). One that
  // was never published to waits for nothing; a durable one that was is never idle.
  [[nodiscard]] bool is_idle(protocol::SystemMicros now, std::chrono::microseconds ttl) const;
  // No event was ever published to it, nor is one on its way.
  [[nodiscard]] bool is_unborn() const;
  // It is about to be destroyed, and its name may be used again from here on. REQUIRES:
  // is_idle().
  void close();

  // The state that the shard's fan-out keeps of the channel; null: none. Only
  // that shard's thread may touch it.
  [[nodiscard]] std::unique_ptr<ShardState>& local(std::size_t shard) { return local_[shard]; }

 private:
  // The event's key as it will be sent: its own, or the one that the rule finds in
  // its data, then in `storage`. The mutex is not held.
  std::string_view find_key(const protocol::PublishEvent& event, std::string& storage) const;
  // The event as it will be sent, but for its offset; a key that is found is in
  // `key`. The mutex is not held.
  broker::Draft draft_of(const protocol::PublishEvent& event, const ReceiveTime& received,
                         const ProducerPtr& producer, std::string& key) const;
  // REQUIRES: mutex_ held.
  Accepted append(broker::Draft& draft);

  // broker::Log::Listener. REQUIRES: mutex_ held.
  void appended(std::span<const broker::Entry> entries) noexcept override;
  void broken(const broker::Head& now) override;

  // REQUIRES: mutex_ held, all of them.
  void hand_over(ChunkPtr frame, protocol::SystemMicros received) noexcept;
  void begin_epoch(std::string_view epoch);
  // The time against which the ages of its events are measured.
  [[nodiscard]] protocol::SystemMicros history_now(protocol::SystemMicros wall) const {
    return home_.shared.ages.now_for(options_.history.max_age, wall);
  }
  [[nodiscard]] std::uint64_t oldest() const;
  ReplayStart locate_locked(const protocol::Since& since) const;
  Part read_locked(std::uint64_t after, std::size_t max_bytes, std::vector<ChunkPtr>& out) const;
  ReplayStart begin_after(std::uint64_t after, bool recovered) const;
  ReplayStart locate_position(const protocol::Position& position) const;
  ReplayStart locate_last(std::uint64_t events) const;
  ReplayStart locate_time(protocol::SystemMicros time) const;

  const std::string name_;
  const Home home_;
  const bool durable_;

  mutable std::mutex mutex_;
  // Written under mutex_, read without it.
  std::atomic<const std::string*> epoch_{nullptr};
  std::atomic<std::uint64_t> broken_at_{0};
  std::atomic<DeliveryMode> delivery_;
  std::atomic<bool> finds_keys_;
  std::atomic<bool> has_routes_;
  // Guarded by mutex_.
  std::forward_list<std::string> epochs_;  // all that it had, the one of now first
  ChannelOptions options_;
  std::uint64_t offset_ = 0;         // of the newest event
  std::uint64_t interested_shards_;  // a bit a shard
  History history_;
  protocol::SystemMicros used_;       // made, published to, or left by a listener
  std::unique_ptr<broker::Log> log_;  // the pointer stays as it is

  boost::container::small_vector<std::unique_ptr<ShardState>, 2> local_;
};

}  // namespace wskit::server
