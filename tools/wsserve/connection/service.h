// What a connection does at the moment with what comes: it serves requests, a WebSocket or an
// event stream. An upgrade puts another service in its place, so that none has to ask which one
// it is.
//
// The connection calls it; what it throws ends the connection. Threads: one, the shard's.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>

#include "common/protocol/close_code.h"
#include "wsserve/connection/pending_replies.h"
#include "wsserve/loop/timing_wheel.h"

namespace wskit::server {

class Peer;

class Service {
 public:
  Service() = default;
  virtual ~Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // The client has sent that; a service may change the bytes.
  virtual void on_bytes(std::span<char> bytes) = 0;
  // The client sends nothing more, and what it was to be sent is written as far as the socket
  // takes it.
  virtual void on_end() = 0;
  // The first bytes are plain HTTP on a port that speaks TLS.
  virtual void on_plain_http() {}

  // The socket has room again, and what waited for that was written.
  virtual void on_writable() {}
  // A flush has written what the socket takes. `sent`: at least a byte.
  virtual void on_flushed(bool /*sent*/) {}
  // Whether the socket is full may have changed.
  virtual void on_pressure() {}
  // A ping of this turn went out at `written`.
  virtual void on_pinged(Clock::time_point /*written*/) {}
  // The time has come that the service has set by Connection::schedule().
  virtual void on_deadline() = 0;

  // The broker has settled the events of the oldest reply that waits. True: the next reply may
  // follow.
  [[nodiscard]] virtual bool on_settled(const SettledReply& settled) = 0;
  // The answer that was awaited is given: goes on with what was sent behind its command.
  virtual void on_resumed() = 0;

  // Begins the end, whatever its form is. Without effect if it has begun.
  virtual void begin_close(protocol::CloseCode code, std::string_view reason) = 0;
  // The server shuts down: begins the end, for the client to come back after that time.
  virtual void on_drain(std::chrono::milliseconds come_back_after) = 0;
  // Something was thrown: tells the client and begins the end.
  virtual void on_failure() = 0;
  // The connection ends now. `why`: for the audit log.
  virtual void on_abort(std::string_view /*why*/) noexcept {}

  // The WebSocket or event stream that it serves; null: it serves requests.
  [[nodiscard]] virtual Peer* peer() { return nullptr; }
};

}  // namespace wskit::server
