// A WebSocket client that never blocks, for a test that leads many of them in one
// thread: what it wants to say and what it has heard wait in queues.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/protocol/close_code.h"
#include "common/websocket/frame.h"
#include "common/websocket/message_reader.h"

namespace wskit::server::model {

class WireClient {
 public:
  // Connects to a unix socket and asks for the upgrade. `offer_deflate`: the
  // server may compress.
  WireClient(const std::string& socket_path, std::string_view target, bool offer_deflate);
  ~WireClient();
  WireClient(const WireClient&) = delete;
  WireClient& operator=(const WireClient&) = delete;

  void send_text(std::string_view text);

  // Writes and reads what the socket takes and has, and answers pings.
  void pump();

  // Text messages in the order they came; the test takes them off.
  [[nodiscard]] std::deque<std::string>& heard() { return heard_; }

  // Both ends are done: nothing more will be heard.
  [[nodiscard]] bool ended() const { return ended_; }
  // Of the server's close frame; kAbnormal if there was none.
  [[nodiscard]] protocol::CloseCode close_code() const { return close_code_; }
  [[nodiscard]] const std::string& close_reason() const { return close_reason_; }
  // What was wrong with the bytes themselves; empty: nothing.
  [[nodiscard]] const std::string& broken() const { return broken_; }

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool wants_to_write() const { return !unsent_.empty(); }

 private:
  void write_some();
  void read_some();
  void take(std::string_view bytes);
  // False while the answer to the upgrade is not whole.
  bool take_upgrade(std::string_view& bytes);
  void take_frames(std::string_view bytes);
  void fail(std::string why);

  int fd_;
  std::string unsent_;
  std::string upgrade_;  // the answer, as far as it has come
  bool open_ = false;
  bool ended_ = false;
  websocket::ReaderLimits limits_{};
  websocket::MessageReader reader_;
  websocket::MaskSource masks_;
  std::deque<std::string> heard_;
  protocol::CloseCode close_code_ = protocol::CloseCode::kAbnormal;
  std::string close_reason_;
  std::string broken_;
};

}  // namespace wskit::server::model
