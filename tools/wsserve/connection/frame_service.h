// Serves a WebSocket of commands: reads frames and hands messages on, answers pings, sends
// pings itself, and carries out the closing handshake.
//
// Threads: one, the shard's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/websocket/deflate.h"
#include "common/websocket/message_reader.h"
#include "wsserve/connection/session.h"
#include "wsserve/dialect/dialect.h"

namespace wskit::server {

class FrameService : public Session {
 public:
  // `limits`: of what the client sends; they outlive the service.
  FrameService(Connection& connection, const websocket::ReaderLimits& limits);

  // Before open(): the client speaks this.
  void speak(const Dialect& dialect);
  // Before open(): what the upgrade has agreed on.
  void agree_on_deflate(const websocket::DeflateParameters& parameters);
  // The upgrade is accepted: begins to serve, or takes leave at once.
  void open(const std::vector<std::string>& channels, const SubscribeOptions& options);

  // Service.
  void on_bytes(std::span<char> bytes) override;
  void on_pinged(Clock::time_point written) override;

  // Subscriber.
  void deliver_each(std::span<const ChunkPtr> frames) override;

 protected:
  // It has opened. The next heartbeat is not set yet.
  virtual void greet(const std::vector<std::string>& channels, const SubscribeOptions& options);
  virtual void handle_message(const websocket::MessageReader::Item& item);

  // The deflater of what the client gets. REQUIRES: its wire form is not plain.
  [[nodiscard]] websocket::Deflater& deflater();

  void queue_text(std::string_view json) override;
  std::uint64_t drop_queue() override { return writer().drop_unbegun(); }
  [[nodiscard]] std::string_view kind() const override { return "websocket"; }
  [[nodiscard]] bool takes_announcements() const override { return true; }
  void read_on(std::span<char> bytes) override { read_frames(bytes); }
  void beat() override;
  [[nodiscard]] Clock::time_point silent_from() const override;
  void queue_farewell(protocol::CloseCode code, std::string_view reason) override;
  void left() override;

 private:
  void read_frames(std::span<char> bytes);
  void handle_in_dialect(websocket::Opcode opcode, std::string_view message);
  void answer_ping(std::span<const char> payload);
  void ping();

  const Dialect* dialect_ = nullptr;  // null: JSON
  websocket::MessageReader reader_;
  std::unique_ptr<websocket::Deflater> deflater_;  // with WireForm::kOwn only
  Clock::time_point unanswered_ping_{};            // the first since it was heard; older: there is none
};

}  // namespace wskit::server
