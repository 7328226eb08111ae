// Serves a WebSocket that gets back what it sends.
//
// Threads: one, the shard's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wsserve/connection/frame_service.h"

namespace wskit::server {

class EchoService final : public FrameService {
 public:
  explicit EchoService(Connection& connection);

 protected:
  void greet(const std::vector<std::string>& /*channels*/, const SubscribeOptions& /*options*/) override {}
  void handle_message(const websocket::MessageReader::Item& item) override;
  [[nodiscard]] std::string_view kind() const override { return "echo"; }
  [[nodiscard]] bool takes_announcements() const override { return false; }
  void left() override {}
};

}  // namespace wskit::server
