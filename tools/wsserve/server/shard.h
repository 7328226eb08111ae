// One core's share of the server: a thread, a loop, and the connections that
// were given to it for life. Only this thread touches them: no lock, no strand.
//
// A turn: read everybody who is ready, take the inbox, write to everybody who is
// due. Each connection is written to once a turn.
//
// Nothing that is thrown ends the loop: what a connection's part of a turn throws ends
// that connection, and what a task throws ends the task. Whatever calls into connections
// from outside their own part does so through guard().
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "common/protocol/timestamp.h"
#include "wsserve/command/command_runner.h"
#include "wsserve/command/history_query.h"
#include "wsserve/connection/connection.h"
#include "wsserve/fanout/fanout.h"
#include "wsserve/log/incidents.h"
#include "wsserve/loop/inbox.h"
#include "wsserve/loop/owned_fd.h"
#include "wsserve/loop/poller.h"
#include "wsserve/loop/timing_wheel.h"
#include "wsserve/settings.h"
#include "wsserve/status/server_view.h"
#include "wsserve/status/stats.h"

namespace wskit::server {

class Hub;

class Shard {
 public:
  Shard(ServerView& server, SettingsPtr settings, Hub& hub, Inbox& inbox, std::size_t index);
  ~Shard();

  // Any thread.
  // Throws std::system_error if the machine has no thread left.
  void start();
  // Instead of start(), for who leads the loop himself: one turn, which waits for nothing.
  // The calling thread is the shard's. True: there is more to do at once.
  bool step();
  // Gives the shard a connected socket, which is the caller's still if this throws.
  void adopt(int fd, const PeerAddress& peer, StandingPtr standing);
  // Reads no more commands from now on, and calls `quiet` when none will be
  // carried out any more.
  void quiesce(std::function<void()> quiet);
  // Closes every connection with 1001 and a hint to come back within `spread`.
  void drain(std::chrono::milliseconds spread);
  // Ends the loop and joins the thread.
  void stop();
  [[nodiscard]] const ShardCounters& counters() const { return counters_; }
  // The store has settled more. Any thread.
  void store_settled();
  // Sockets held, whatever their phase.
  [[nodiscard]] std::size_t sockets() const { return sockets_.load(std::memory_order_acquire); }
  void post(Inbox::Task task) { inbox_.post(std::move(task)); }
  // An answer that one of its connections waits for was lost: ends those that wait for any.
  void lose_answer() noexcept { inbox_.lose_answer(); }

  // The shard's thread, from here on.

  // A part of the connection's turn: what it throws ends the connection, and nothing else.
  // `where`: a literal that names it for the log.
  template <class Part>
  void guard(Connection& connection, const char* where, Part&& part) noexcept {
    try {
      part();
    } catch (...) {
      failed(connection, where);
    }
  }
  // The same for what is no connection's. False: something was thrown.
  template <class Part>
  bool guard(const char* where, Part&& part) noexcept {
    try {
      part();
      return true;
    } catch (...) {
      caught(where);
      return false;
    }
  }
  // REQUIRES: called while an exception is handled.
  void failed(Connection& connection, const char* where) noexcept;
  void caught(const char* where) noexcept;

  // Goes by these settings from now on; connections that are open keep their
  // heartbeat and the largest message that they were told. REQUIRES: between turns,
  // or behind what a turn delivers.
  void take_up(SettingsPtr settings);
  void add_listener(int fd, Pollable* listener);
  void remove_listener(int fd);

  // Valid until the end of the turn.
  [[nodiscard]] const Settings& settings() const { return *settings_; }
  // The current ones, for a reader that may refer to them as long as the shard lives.
  [[nodiscard]] const websocket::ReaderLimits& message_limits();
  [[nodiscard]] ServerView& server() { return server_; }
  [[nodiscard]] Hub& hub() { return hub_; }
  [[nodiscard]] Poller& poller() { return poller_; }
  [[nodiscard]] TimingWheel& wheel() { return wheel_; }
  [[nodiscard]] Fanout& fanout() { return fanout_; }
  [[nodiscard]] CommandRunner& commands() { return commands_; }
  [[nodiscard]] HistoryQuery& history() { return history_; }
  [[nodiscard]] ShardCounters& counters() { return counters_; }
  [[nodiscard]] websocket::Inflater& inflater() { return inflater_; }
  [[nodiscard]] websocket::Deflater& deflater() { return deflater_; }
  [[nodiscard]] std::size_t index() const { return index_; }

  // All sockets by their number, whatever their phase.
  [[nodiscard]] const std::unordered_map<std::uint64_t, Connection*>& connections() const {
    return connections_;
  }
  // The connection of that number, or null.
  [[nodiscard]] Connection* find(std::uint64_t number) const;

  // No more commands are carried out: the server is about to drain.
  [[nodiscard]] bool is_quiet() const { return quiet_; }
  // Its connections were told to go: what they still do is their last.
  [[nodiscard]] bool draining() const { return draining_; }

  // The time of this turn.
  [[nodiscard]] Clock::time_point now() const { return now_; }
  // The moment, for what arrived just now; its text is valid until the next call.
  [[nodiscard]] ReceiveTime receive_time();
  [[nodiscard]] std::string_view timestamp() { return receive_time().text; }

  // Where connections read into.
  [[nodiscard]] std::span<char> receive_buffer() { return receive_buffer_; }

  // An empty queue, for as long as something waits. Few connections have one at
  // a time, so they are used again.
  [[nodiscard]] std::unique_ptr<Outbound> take_outbound();
  void give_back(std::unique_ptr<Outbound> outbound);

  // flush() the connection at the end of the turn.
  void mark_dirty(Connection& connection) { dirty_.push_back(&connection); }
  // was_pinged() once what it is sent in this turn is written.
  void mark_pinged(Connection& connection) { pinged_.push_back(&connection); }
  // catch_up() once a turn until it is done.
  void mark_catching_up(Connection& connection) { catching_up_.push_back(&connection); }
  // let_go_on() when no shard is crowded any more.
  void hold_back(Connection& connection) { held_back_.push_back(&connection); }
  // settle() whenever the store has settled more, until nothing waits any more.
  void await_store(Connection& connection) { awaiting_.push_back(&connection); }
  // An event of this shard is on its way to the store.
  void on_the_way(store::Ticket ticket) { newest_ticket_ = std::max(newest_ticket_, ticket); }
  // drop_subscriptions() between turns.
  void retire(Connection& connection) noexcept { note_end(retired_, connection); }
  // Destroy it between turns.
  void bury(Connection& connection) noexcept { note_end(dead_, connection); }

 private:
  static constexpr std::size_t kReceiveBytes = std::size_t{128} << 10;
  // A send costs 5 to 9 µs: the publishers are read after some 2 ms of them.
  static constexpr std::size_t kSlice = 256;
  static constexpr std::size_t kSpareOutbounds = 256;
  static constexpr int kLookAgainMs = 1;

  void run();
  void turn(int timeout_ms);
  void take_in(int fd, const PeerAddress& peer, StandingPtr standing);
  void note_end(std::vector<Connection*>& list, Connection& connection) noexcept;
  void look_for_ended();
  // Those who cannot be told what was lost on the way to this shard.
  void end_losers(std::uint8_t lost) noexcept;
  void fan_out();
  void flush_dirty();
  void read_history();
  void let_publishers_go_on();
  void settle();
  [[nodiscard]] bool settle_once();
  [[nodiscard]] int wait_ms();
  void clean_up();
  // From every list that outlives the turn.
  void let_go_of_dead();
  // Ends those who are still there.
  void cut_off();

  ServerView& server_;
  SettingsPtr settings_;
  std::list<websocket::ReaderLimits> message_limits_;  // all that ever held, the current ones first
  Hub& hub_;
  Inbox& inbox_;
  const std::size_t index_;

  Poller poller_;
  TimingWheel wheel_;
  Fanout fanout_;
  CommandRunner commands_;
  HistoryQuery history_;
  ShardCounters counters_;
  websocket::Inflater inflater_;
  websocket::Deflater deflater_;
  protocol::TimestampWriter timestamps_;
  protocol::SystemMicros last_stamp_{};
  Clock::time_point now_;
  std::vector<char> receive_buffer_;

  std::unordered_map<std::uint64_t, Connection*> connections_;  // by number
  std::uint64_t next_number_ = 1;
  std::atomic<std::size_t> sockets_{0};
  bool quiet_ = false;
  std::function<void()> when_quiet_;  // called once the store has everything of this shard
  bool draining_ = false;
  std::atomic<bool> stopping_{false};

  std::vector<std::unique_ptr<Outbound>> spare_outbounds_;
  std::vector<Connection*> dirty_;
  std::vector<Connection*> pinged_;
  std::vector<Connection*> catching_up_;
  bool history_left_ = false;  // somebody who catches up has room for more
  std::vector<Connection*> held_back_;
  std::vector<Connection*> awaiting_;
  store::Ticket newest_ticket_ = 0;
  std::atomic<bool> awaits_store_{false};
  std::vector<Connection*> retired_;
  std::vector<Connection*> dead_;
  bool any_ended_ = false;        // there was no memory to note who is to be retired or buried
  std::size_t failed_turns_ = 0;  // in a row
  Clock::time_point shed_{};      // the time of the turn that gave up histories last
  std::vector<Delivery> deliveries_;
  std::vector<Inbox::Task> tasks_;

  std::thread thread_;
};

}  // namespace wskit::server
