#include "wsserve/connection/receive_clock.h"

namespace wskit::server {

ReceiveTime ReceiveClock::receive_time() {
  const auto now = protocol::system_now();
  // Whoever is quiet for long only looks once too often.
  if (now < last_ || now - last_ >= AgeClock::kLeastJump / 2) ages_.look(now);
  last_ = now;
  return {now, writer_.write(now)};
}

}  // namespace wskit::server
