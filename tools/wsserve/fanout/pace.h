// How a subscriber asked to be spared: `max_rate` and `conflate` (docs/protocol.md,
// "When a subscriber is slower than its channel").
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "common/protocol/error.h"

namespace wskit::server {

struct Pace {
  bool conflate = false;  // the newest event of each key, when it is slow
  // Between two events of one key; zero: as they come.
  std::chrono::steady_clock::duration interval{};

  [[nodiscard]] bool asked_for() const { return conflate || interval.count() > 0; }
};

// The `max_rate` that subscribers may ask for, in events of each key a second.
struct PaceBounds {
  static constexpr double kLowest = 1e-3;
  static constexpr double kHighest = 1e6;

  double lowest = kLowest;
  double highest = kHighest;
};

// `max_rate`: events of each key a second; nothing: as they come. kBadCommand if it is not
// within the bounds.
[[nodiscard]] protocol::Result<Pace> make_pace(std::optional<double> max_rate, bool conflate,
                                               const PaceBounds& bounds);

// The same from the text of the two values, as a query has them; empty text is an absent
// one. kBadCommand also names the value that is not `true` or `false`, or no number.
[[nodiscard]] protocol::Result<Pace> parse_pace(std::string_view max_rate, std::string_view conflate,
                                                const PaceBounds& bounds = {});

}  // namespace wskit::server
