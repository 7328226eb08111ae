// Whether and when another attempt follows a failure. Knows no socket and no
// clock: the times are told.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/client/backoff.h"
#include "common/client/client_options.h"
#include "common/client/connect_failure.h"

namespace wskit::client {

// One thread.
class RetryPlan {
 public:
  using Time = std::chrono::steady_clock::time_point;

  RetryPlan(ReconnectPolicy policy, std::uint64_t seed);

  // A connection has been opened at `now`.
  void opened(Time now);

  // What the connection is for has come further: an event, an acknowledgement. Until
  // then, the second word in a row of when to come back counts less than the backoff.
  void progressed() { progressed_ = true; }

  // It has failed, or an attempt has, at `now`: the wait before the next one;
  // nothing: give up.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> failed(const ConnectFailure& why, Time now);

  // Whether a connection has ever been opened.
  [[nodiscard]] bool ever_opened() const { return ever_opened_; }

 private:
  // Another attempt may do better. A refusal that is `passing` may, for a while, where
  // a connection was there before.
  bool may_pass(const ConnectFailure& why, Time now);

  ReconnectPolicy policy_;
  Backoff backoff_;
  bool ever_opened_ = false;
  std::optional<Time> opened_at_;  // of the connection that is open
  std::optional<Time> away_since_;
  std::optional<Time> refused_since_;  // by refusals that are `passing`
  bool progressed_ = false;
  std::uint64_t hints_ = 0;  // words of when to come back, since there was progress
};

// N of the reason `reconnect after N ms`, which a server sends with 1001 and
// spreads over its clients, or of `too many …; reconnect after N ms` with 1013;
// nothing for any other text. At most five minutes.
[[nodiscard]] std::optional<std::chrono::nanoseconds> reconnect_hint(std::string_view reason);

}  // namespace wskit::client
