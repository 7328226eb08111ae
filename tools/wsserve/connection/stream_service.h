// Serves a stream of server-sent events: writes events and answers in that form, tells the
// reader where it stands, and keeps the stream alive.
//
// Threads: one, the shard's.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include "wsserve/connection/event_stream.h"
#include "wsserve/connection/session.h"

namespace wskit::server {

class StreamService final : public Session {
 public:
  // `single`: there is but one channel. `named`: events have their type as the name.
  StreamService(Connection& connection, bool single, bool named);

  // The answer's header is queued: begins to serve, or takes leave at once, and then is false.
  [[nodiscard]] bool open(const SubscribeOptions& options);

  // Service. The reader of a stream has nothing more to say.
  void on_bytes(std::span<char> /*bytes*/) override {}
  void on_flushed(bool sent) override;
  void on_drain(std::chrono::milliseconds come_back_after) override;

  // Peer.
  void begin_position(std::string_view channel, std::string_view epoch, std::uint64_t offset) override;
  void positions_are_known() override;
  void deliver_each(std::span<const ChunkPtr> frames) override;

 private:
  void queue_text(std::string_view json) override;
  std::uint64_t drop_queue() override { return writer().drop_stream(); }
  [[nodiscard]] std::string_view kind() const override { return "events"; }
  void beat() override;
  void queue_farewell(protocol::CloseCode code, std::string_view reason) override;
  void left() override;

  void say_position();
  [[nodiscard]] bool can_say_position() const;

  EventStream stream_;
};

}  // namespace wskit::server
