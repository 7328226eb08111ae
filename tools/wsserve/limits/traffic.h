// How fast one connection sends commands and events, and whether it listens when
// it is told to slow down.
//
// Threads: one, the shard's; the user's usage is shared.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "common/protocol/error.h"
#include "wsserve/limits/limit_settings.h"
#include "wsserve/limits/usage_table.h"

namespace wskit::server {

class Traffic {
 public:
  // A client is not asked to come back sooner than its timers are good for.
  static constexpr std::chrono::milliseconds kShortestWait{100};

  // A command that publishes `events` events, or none. RATE_LIMITED if it comes too
  // fast, and then nothing is taken for it. `user`: null for an anonymous one.
  [[nodiscard]] std::optional<protocol::Error> take(const LimitSettings& limits, Usage* user,
                                                    std::size_t events, Clock::time_point now);

  // Behind an error of take(): whether the connection has gone on for too long
  // without ever waiting as it was told.
  [[nodiscard]] bool insists(const LimitSettings& limits) const {
    return refused_at_ - insists_since_ >= limits.patience;
  }

 private:
  TokenBucket commands_;
  TokenBucket events_;
  Clock::time_point refused_at_{};
  std::chrono::nanoseconds told_to_wait_{};
  Clock::time_point insists_since_{};
};

// The same for a request that publishes. It is its address that counts and not its
// connection: requests of many clients come over one connection of a proxy, and
// those of one over many.
[[nodiscard]] std::optional<protocol::Error> take_request(const LimitSettings& limits, Usage& address,
                                                          Usage* user, std::size_t events,
                                                          Clock::time_point now);

}  // namespace wskit::server
