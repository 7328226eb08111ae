// A WebSocket or an event stream from its opening to its end: counts as one of the server's,
// looks at its token and its silence from time to time, and takes leave of the client.
//
// Threads: one, the shard's.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wsserve/connection/peer.h"
#include "wsserve/connection/service.h"

namespace wskit::server {

struct SubscribeOptions;

class Session : public Service, public Peer {
 public:
  // Service.
  void on_end() override { connection().abort(); }
  void on_writable() override { continue_latest(); }
  void on_flushed(bool /*sent*/) override { schedule_latest(); }
  void on_pressure() override { note_pressure(); }
  void on_deadline() override;
  [[nodiscard]] bool on_settled(const SettledReply& settled) override;
  void on_resumed() override;
  void begin_close(protocol::CloseCode code, std::string_view reason) override;
  void on_drain(std::chrono::milliseconds come_back_after) override;
  void on_failure() override;
  void on_abort(std::string_view why) noexcept override;
  [[nodiscard]] Peer* peer() override { return this; }

 protected:
  explicit Session(Connection& connection);

  // It is open, and counts as one of the server's; or why it is closed again with 1013.
  [[nodiscard]] std::optional<std::string> enter();
  // It was let in, and serves with these options from here on.
  void begin(const SubscribeOptions& options);
  // Time between two heartbeats; 0: the client wants none.
  [[nodiscard]] std::chrono::milliseconds heartbeat() const { return heartbeat_; }
  // The client is told of each heartbeat in a message.
  [[nodiscard]] bool tells_heartbeats() const { return tells_heartbeats_; }
  void tell_heartbeats(bool tells) { tells_heartbeats_ = tells; }
  [[nodiscard]] std::chrono::milliseconds ping_interval() const;
  // Whether it is time for the next heartbeat, which is then set.
  [[nodiscard]] bool is_beat_due();
  void schedule_beat() override;

  // Reads on in what was sent behind an answered command.
  virtual void read_on(std::span<char> /*bytes*/) {}
  // Looks at the client's silence, and keeps the connection alive. REQUIRES: is_open().
  virtual void beat() = 0;
  // By when a client that says nothing more is silent.
  [[nodiscard]] virtual Clock::time_point silent_from() const { return Clock::time_point::max(); }
  // Queues what the client is told as the last.
  virtual void queue_farewell(protocol::CloseCode code, std::string_view reason) = 0;
  // It does not count as one of the server's any more.
  virtual void left() {}

 private:
  // Behind what waits already, and nothing follows it. REQUIRES: is_open().
  void take_leave(protocol::CloseCode code, std::string_view reason);
  void leave();
  // True: it is closed now.
  [[nodiscard]] bool close_if_unauthorized();

  bool tells_heartbeats_ = false;
  std::chrono::milliseconds heartbeat_;
  Clock::time_point next_beat_{};
};

}  // namespace wskit::server
