// Tells the wall clock's time for what arrives, and lets the server's age clock see it.
//
// Threads: one, the shard's.
#pragma once

#include <string_view>

#include "common/protocol/timestamp.h"
#include "wsserve/channel/channel.h"
#include "wsserve/loop/age_clock.h"

namespace wskit::server {

class ReceiveClock {
 public:
  explicit ReceiveClock(AgeClock& ages) : ages_(ages) {}

  // The moment, for what arrived just now; its text is valid until the next call.
  [[nodiscard]] ReceiveTime receive_time();
  [[nodiscard]] std::string_view timestamp() { return receive_time().text; }

 private:
  AgeClock& ages_;
  protocol::TimestampWriter writer_;
  protocol::SystemMicros last_{};
};

}  // namespace wskit::server
