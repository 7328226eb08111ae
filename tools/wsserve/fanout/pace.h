// How a subscriber asked to be spared: `max_rate` and `conflate` (docs/protocol.md,
// "When a subscriber is slower than its channel").
#pragma once

#include <chrono>
#include <string_view>

#include "common/protocol/error.h"

namespace wskit::server {

struct Pace {
  bool conflate = false;  // the newest event of each key, when it is slow
  // Between two events of one key; zero: as they come.
  std::chrono::steady_clock::duration interval{};

  [[nodiscard]] bool asked_for() const { return conflate || interval.count() > 0; }
};

// From the text of the two values; empty text is an absent one. kBadCommand names
// the value that is not `true` or `false`, or no number of events a second.
[[nodiscard]] protocol::Result<Pace> parse_pace(std::string_view max_rate, std::string_view conflate);

}  // namespace wskit::server
