// `Host` tells a connection all that it needs of the shard that it lives on: values and
// references that the shard owns and fills. A test can fill them as well.
//
// Threads: one, the shard's; but any thread may read `counters`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/websocket/deflate.h"
#include "common/websocket/message_reader.h"
#include "wsserve/channel/hub.h"
#include "wsserve/connection/command_handler.h"
#include "wsserve/connection/outbound.h"
#include "wsserve/connection/receive_clock.h"
#include "wsserve/fanout/fanout.h"
#include "wsserve/loop/poller.h"
#include "wsserve/loop/timing_wheel.h"
#include "wsserve/settings.h"
#include "wsserve/status/server_view.h"
#include "wsserve/status/stats.h"

namespace wskit::server {

class Connection;

// The shard calls one method of a connection for each of these, once it is due.
enum class Due : std::uint8_t {
  kFlush,              // flush() at the end of the turn
  kPinged,             // was_pinged() once what it is sent in this turn is written
  kRecover,            // Peer::recover() once a turn until it is done
  kResumeReading,      // resume_reading() when no shard is crowded any more
  kSettle,             // settle() whenever the store has settled more, until nothing waits any more
  kDropSubscriptions,  // Peer::drop_subscriptions() between turns
  kDestroy,            // the destructor between turns
};

// The shard's lists of connections that it has to call. Threads: the shard's.
class Agenda {
 public:
  // Puts the connection on the list of those whom that is due for; the caller sees to it
  // that it does not stand there twice. May throw std::bad_alloc, but not for
  // kDropSubscriptions and kDestroy.
  virtual void after_turn(Connection& connection, Due due) = 0;

 protected:
  ~Agenda() = default;
};

struct Host {
  // Never null; its content is valid until the end of the turn. Connections that are open
  // keep the heartbeat and the largest message that they were told.
  SettingsPtr settings;
  // The current ones, never null; a reader may refer to them as long as the shard lives.
  const websocket::ReaderLimits* message_limits = nullptr;
  // The time of this turn.
  Clock::time_point now{};
  // No more commands are carried out: the server is about to drain.
  bool quiet = false;
  // The connections were told to go: what they still do is their last.
  bool draining = false;
  // The number of the shard.
  const std::size_t index;
  ShardCounters counters{};

  ServerView& server;
  Hub& hub;
  Poller& poller;
  TimingWheel& wheel;
  Fanout& fanout;
  CommandHandler& commands;
  Agenda& agenda;
  OutboundPool& outbounds;
  ReceiveClock& clock;
  websocket::Inflater& inflater;
  websocket::Deflater& deflater;
  // Connections read into this memory.
  const std::span<char> receive_buffer;

  // The time of the turn that gave up histories last.
  Clock::time_point shed{};

  // Runs a part of the connection's turn: what it throws ends the connection, and nothing
  // else. `where`: a literal that names the part for the log.
  template <class Part>
  void guard(Connection& connection, const char* where, Part&& part) noexcept {
    try {
      part();
    } catch (...) {
      failed(connection, where);
    }
  }
  // Runs a part that is no connection's. False: something was thrown.
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
};

}  // namespace wskit::server
