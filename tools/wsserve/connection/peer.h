// A client that subscribes: what a WebSocket or an event stream has subscribed, what it still
// recovers, what waits to be the newest of its key, and what it was delivered. The session that
// derives from it says how answers and events are written.
//
// Threads: one, the shard's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/close_code.h"
#include "common/protocol/reply.h"
#include "common/protocol/timestamp.h"
#include "wsserve/connection/conflation.h"
#include "wsserve/connection/connection.h"
#include "wsserve/connection/recovery.h"
#include "wsserve/connection/subscriptions.h"
#include "wsserve/fanout/pace.h"
#include "wsserve/fanout/subscriber.h"
#include "wsserve/fanout/type_filter.h"

namespace wskit::server {

namespace broker {
struct Part;
}  // namespace broker

class Peer : public Subscriber {
 public:
  explicit Peer(Connection& connection) : connection_(connection) {}
  ~Peer() override;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  [[nodiscard]] Connection& connection() const { return connection_; }
  [[nodiscard]] Client& client() const { return connection_.client(); }
  // It is sent answers and events: it has opened, and its end has not begun.
  [[nodiscard]] bool is_open() const { return open_; }

  // --- Answers

  // Sends one message of JSON at the end of the turn; on an event stream it is an event named
  // by its type, such as @subscribed.
  void send_text(std::string_view json);
  // Sends the reply to a publish command once the store has settled it.
  void await(PublishedReply reply);
  // As Connection::pause_reading(), unless it is closing.
  void pause_reading();
  // As Connection::close().
  void close(protocol::CloseCode code, std::string_view reason) { connection_.close(code, reason); }
  // Behind an error of Client::over_rate(): closes it if it does not listen.
  void close_if_insisting();

  // --- Who it is

  // A token was shown. `first`: the subscriptions that waited for it, if it was awaited.
  // False: that user has too many connections, and this one is closed, maybe once the
  // store has answered.
  [[nodiscard]] bool sign_in(auth::IdentityPtr identity, std::optional<FirstSubscriptions>& first);
  // A token was shown that is not right: too many, and it is closed.
  void count_refused_token();
  [[nodiscard]] protocol::DeliveryCounters counters() const;
  // For administrators, as JSON. REQUIRES: is_open().
  [[nodiscard]] std::string describe() const;

  // --- Subscriptions

  // By name or pattern; changed by the command runner only.
  [[nodiscard]] Subscriptions& subscriptions() { return subscriptions_; }
  [[nodiscard]] const Subscriptions& subscriptions() const { return subscriptions_; }
  [[nodiscard]] TypeFilterPtr default_filter() const;
  [[nodiscard]] Pace default_pace() const;
  // Whether one of its subscriptions is for that channel.
  [[nodiscard]] bool hears(std::string_view channel) const { return subscriptions_.hear(channel); }
  [[nodiscard]] bool hears(const Channel& channel) const;
  // Subscriptions were taken back: stops what they alone have asked for.
  void subscriptions_left();
  // Takes all of them back. Called by the shard between turns once it is closing.
  void drop_subscriptions() noexcept;
  // Where its reader stands on a channel, and that all of that was said: an event stream tells
  // it in its ids.
  virtual void begin_position(std::string_view /*channel*/, std::string_view /*epoch*/,
                              std::uint64_t /*offset*/) {}
  virtual void positions_are_known() {}

  // --- Recovery

  // The events of `channel` behind `after` come out of the history before live
  // ones do; `first` are the first of them.
  void begin_recovery(Channel& channel, std::uint64_t after, std::vector<ChunkPtr> first);
  [[nodiscard]] bool is_recovering(const Channel& channel) const;
  // The newest subscription wants, of what is replayed, what is behind `after`.
  // REQUIRES: is_recovering(channel).
  void join_recovery(const Channel& channel, std::uint64_t after);
  // The same for all replays of channels that it is for: it wants what comes from now on.
  void join_recoveries();
  // Whether so many more patterns can take part in the replays that run without more
  // of them to keep in mind than is good.
  [[nodiscard]] bool may_join_recoveries(std::size_t patterns) const;
  void forget_subscription(const Subscription& subscription);
  // Whether the replay that runs brings every event behind `after`, of any type.
  // REQUIRES: is_recovering(channel).
  [[nodiscard]] bool still_brings(const Channel& channel, std::uint64_t after) const;
  // How much of one more channel's history may be read ahead.
  [[nodiscard]] std::size_t head_start_bytes() const;
  // Reads on in the histories until the socket has no more room or a turn's share is used up.
  // Called right behind the answer to a subscription, for the history does not wait, and by
  // the shard once a turn; true if it wants to be called again on the next one.
  bool recover();
  // Whether recover() would find something to do. REQUIRES: it wants to be called again.
  [[nodiscard]] bool can_recover() const;
  // The store was asked by recover(), and has not answered.
  [[nodiscard]] bool awaits_history() const { return recovery_ != nullptr && recovery_->asks(); }
  // What it answers.
  void history_arrived(const Channel& channel, broker::Part part);

  // --- Events

  // Subscriber.
  void deliver(const ChunkPtr& run, std::uint32_t events) final;
  void deliver_latest(const Channel& channel, const ChunkPtr& frame, Clock::duration interval) override;
  void settle() override;
  void deliver_waiting(const Channel& channel) override;
  void channel_broke(const Channel& channel) override;
  void count_filtered(std::uint32_t events) override;
  void delivery_failed() noexcept override;
  // An event of that channel of the server's space, for those who have not subscribed it.
  void announce(std::string_view channel, const ChunkPtr& frame);

 protected:
  // Queues one message of JSON in the form of the session.
  virtual void queue_text(std::string_view json) = 0;
  // Drops what waits for the socket and has not begun. How many events that were.
  virtual std::uint64_t drop_queue() = 0;
  // "websocket", "echo" or "events".
  [[nodiscard]] virtual std::string_view kind() const = 0;
  // Whether it is told what everybody is told.
  [[nodiscard]] virtual bool takes_announcements() const { return false; }
  // Sets the time at which to look at it next.
  virtual void schedule_beat() = 0;

  [[nodiscard]] Host& host() const { return connection_.host(); }
  [[nodiscard]] Writer& writer() const { return connection_.writer(); }

  // It is open from here to set_closed().
  void set_open() { open_ = true; }
  void set_closed() { open_ = false; }
  void note_connected() { connected_at_ = protocol::system_now(); }
  void note_message() { ++messages_in_; }
  void set_defaults(TypeFilterPtr filter, const Pace& pace);

  // Closes it: so many events and what waits have no room.
  void overflow(std::uint32_t events);
  // What was accepted for it is written before its end.
  void hand_over_rest();
  // What was accepted and has not begun is not written.
  void drop_rest();
  void give_up_recovery();
  [[nodiscard]] bool is_recovering() const { return recovery_ != nullptr; }

  // The socket may have got full, or have room.
  void note_pressure();
  // Hands on what waits to be the newest, now or soon.
  void continue_latest();
  void schedule_latest();
  // Whether an event waits to be the newest; `see`: each one's channel and offset.
  [[nodiscard]] bool has_latest() const { return latest_ != nullptr && !latest_->conflation.empty(); }
  void look_at_latest(const std::function<void(const Channel&, std::uint64_t)>& see) const;
  // What waits to be the newest is given up; how many events that were.
  std::uint64_t forget_latest();
  void count_dropped(std::uint64_t events);

 private:
  // Events of which only the newest waits, and when the next one may go.
  struct LatestQueue final : TimingWheel::Entry {
    explicit LatestQueue(Peer& peer) : owner(peer) {}
    void on_deadline() noexcept override;
    Peer& owner;
    Conflation conflation;
  };
  // What only those have that are spared some events.
  struct Sparing {
    TypeFilterPtr default_filter;
    Pace default_pace;
    std::uint64_t merged = 0;
    std::uint64_t filtered = 0;
    std::uint64_t dropped = 0;
  };

  Sparing& sparing();
  void drain_latest(Clock::time_point now);
  std::uint64_t no_longer_waits(const Conflation::Forgotten& forgotten);
  void hand_over_history(const Channel& channel, std::vector<ChunkPtr>& frames);
  // The events up to `last` cannot be had: what follows them comes next.
  void tell_gap(const Channel& channel, std::uint64_t last);
  // The same, where what the turn still holds was handed over.
  void say_gap(const Channel& channel, std::uint64_t last);

  Connection& connection_;
  std::uint64_t delivered_ = 0;
  std::unique_ptr<Recovery> recovery_;   // null: live on every channel
  std::unique_ptr<LatestQueue> latest_;  // null: no event ever had to wait for a newer one
  Subscriptions subscriptions_;
  std::unique_ptr<Sparing> sparing_;  // null: all events, as they come
  protocol::SystemMicros connected_at_{};
  std::uint64_t messages_in_ = 0;
  std::uint64_t replies_ = 0;
  bool open_ = false;
};

}  // namespace wskit::server
