// One reader's stream of server-sent events: how events, control messages and
// ids are written, and when an id is due.
//
// Knows no socket. Threads: one, the shard's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/protocol/close_code.h"
#include "wsserve/connection/stream_cursor.h"
#include "wsserve/frame/chunk.h"

namespace wskit::server {

class EventStream {
 public:
  // `named`: events have their type as the name.
  EventStream(StreamCursor cursor, bool named, std::chrono::milliseconds retry)
      : cursor_(std::move(cursor)), named_(named), retry_(retry) {}

  [[nodiscard]] StreamCursor& cursor() { return cursor_; }
  [[nodiscard]] const StreamCursor& cursor() const { return cursor_; }
  void set_retry(std::chrono::milliseconds retry) { retry_ = retry; }

  // One event, with its id if the position may be told and is short.
  using FindEpoch = std::function<std::string_view(std::string_view)>;
  void append_event(std::string& out, const Chunk& frame, protocol::SystemMicros now, bool tell_position,
                    const FindEpoch& find_epoch);
  // An event named by the type of the control message: @subscribed.
  static void append_control(std::string& out, std::string_view json);
  void append_retry(std::string& out) const;
  // How long to stay away, and why, for those who listen to it.
  void append_farewell(std::string& out, protocol::CloseCode code, std::string_view reason,
                       std::string_view timestamp) const;

  // Whether the reader has been sent so much since the last id that another one is
  // worth its bytes. `looked_at`: what it costs to know the position.
  [[nodiscard]] bool is_position_due(std::size_t looked_at) const;
  // Whether events were sent behind the last id.
  [[nodiscard]] bool is_ahead_of_id() const { return bytes_since_id_ > 0; }
  void append_position(std::string& out, protocol::SystemMicros now, const StreamCursor::Held& held);

 private:
  StreamCursor cursor_;
  const bool named_;
  std::chrono::milliseconds retry_;
  std::size_t bytes_since_id_ = 0;
};

}  // namespace wskit::server
