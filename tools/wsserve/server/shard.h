// One core's share of the server: a thread, a loop, and the connections that
// were given to it for life. Only this thread touches them: no lock, no strand.
//
// A turn: read everybody who is ready, take the inbox, write to everybody who is
// due. Each connection is written to once a turn.
//
// Nothing that is thrown ends the loop: what a connection's part of a turn throws ends
// that connection, and what a task throws ends the task. Whatever calls into connections
// from outside their own part does so through Host::guard().
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <thread>
#include <vector>

#include "wsserve/command/bus_member.h"
#include "wsserve/command/command_host.h"
#include "wsserve/command/command_runner.h"
#include "wsserve/connection/connection.h"
#include "wsserve/connection/outbound.h"
#include "wsserve/connection/receive_clock.h"
#include "wsserve/fanout/fanout.h"
#include "wsserve/loop/inbox.h"
#include "wsserve/loop/owned_fd.h"
#include "wsserve/loop/poller.h"
#include "wsserve/loop/timing_wheel.h"
#include "wsserve/settings.h"
#include "wsserve/status/server_view.h"
#include "wsserve/status/stats.h"

namespace wskit::server {

class Hub;

class Shard final : private Agenda {
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
  void adopt(int fd, const PeerAddress& peer, AdmissionStatePtr admission_state);
  // Reads no more commands from now on, and calls `quiet` when none will be
  // carried out any more.
  void quiesce(std::function<void()> quiet);
  // Closes every connection with 1001 and a hint to come back within `spread`.
  void drain(std::chrono::milliseconds spread);
  // Ends the loop and joins the thread.
  void stop();
  [[nodiscard]] const ShardCounters& counters() const { return host_.counters; }
  // The broker has settled more. Any thread.
  void events_settled();
  // Sockets held, whatever their phase.
  [[nodiscard]] std::size_t sockets() const { return sockets_.load(std::memory_order_acquire); }
  void post(Inbox::Task task) { inbox_.post(std::move(task)); }

  // The shard's thread, from here on.

  // Goes by these settings from now on; connections that are open keep their
  // heartbeat and the largest message that they were told. REQUIRES: between turns,
  // or behind what a turn delivers.
  void take_up(SettingsPtr settings);
  void add_listener(int fd, Pollable* listener);
  void remove_listener(int fd);

  // The shard as its connections and commands know it.
  [[nodiscard]] CommandHost& host() { return host_; }
  [[nodiscard]] CommandRunner& commands() { return commands_; }
  // The shard as the bus knows it.
  [[nodiscard]] cluster::Member& member() { return member_; }

 private:
  static constexpr std::size_t kReceiveBytes = std::size_t{128} << 10;
  // A send costs 5 to 9 µs: the publishers are read after some 2 ms of them.
  static constexpr std::size_t kSlice = 256;
  static constexpr int kLookAgainMs = 1;

  void after_turn(Connection& connection, Due due) override;

  void run();
  void turn(int timeout_ms);
  void take_in(int fd, const PeerAddress& peer, AdmissionStatePtr admission_state);
  void note_message_limits(const websocket::ReaderLimits& current);
  void note_end(std::vector<Connection*>& list, Connection& connection) noexcept;
  void look_for_ended();
  // Those who cannot be told what was lost on the way to this shard.
  void end_losers(std::uint8_t lost) noexcept;
  void fan_out();
  void flush_dirty();
  void read_history();
  void resume_publishers();
  void settle();
  [[nodiscard]] bool settle_once();
  [[nodiscard]] int wait_ms();
  void clean_up();
  // From every list that outlives the turn.
  void let_go_of_dead();
  // Ends those who are still there.
  void cut_off();

  std::list<websocket::ReaderLimits> message_limits_;  // all that ever held, the current ones first
  Inbox& inbox_;
  Poller poller_;
  TimingWheel wheel_;
  Fanout fanout_;
  OutboundPool outbounds_;
  ReceiveClock clock_;
  websocket::Inflater inflater_;
  websocket::Deflater deflater_;
  std::vector<char> receive_buffer_;
  ConnectionTable connections_;
  CommandRunner commands_;
  CommandHost host_;  // refers to what stands above
  people::BusMember member_{host_};

  std::uint64_t next_number_ = 1;
  std::atomic<std::size_t> sockets_{0};
  std::function<void()> when_quiet_;  // called once the broker has settled everything of this shard
  std::atomic<bool> stopping_{false};

  std::vector<Connection*> dirty_;
  std::vector<Connection*> pinged_;
  std::vector<Connection*> recovering_;
  bool history_left_ = false;  // somebody who recovers has room for more
  std::vector<Connection*> paused_;
  std::vector<Connection*> awaiting_;
  std::atomic<bool> awaits_settled_{false};
  std::vector<Connection*> retired_;
  std::vector<Connection*> dead_;
  bool any_ended_ = false;        // there was no memory to note who is to be retired or buried
  std::size_t failed_turns_ = 0;  // in a row
  std::vector<Delivery> deliveries_;
  std::vector<Inbox::Task> tasks_;

  std::thread thread_;
};

}  // namespace wskit::server
