// Where in a channel's history somebody stands, and where a reader wants to
// begin (docs/protocol.md, "Positions").
//
// Threads: plain values and pure functions; the time is a parameter.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/protocol/error.h"
#include "common/protocol/timestamp.h"

namespace wskit::protocol {

// Behind the event `offset` of one incarnation of a channel; 0 is before the first.
struct Position {
  std::uint64_t offset = 0;
  std::string epoch;  // empty: whichever the channel has now

  bool operator==(const Position&) const = default;
};

// The ways to say where to begin, besides a Position and a time.
struct FromStart {
  bool operator==(const FromStart&) const = default;
};
struct FromNow {
  bool operator==(const FromNow&) const = default;
};
struct FromLast {
  std::uint64_t events = 0;

  bool operator==(const FromLast&) const = default;
};
// For patterns, and for several channels at once.
struct FromPositions {
  std::map<std::string, Position, std::less<>> positions;
  std::optional<SystemMicros> time;  // for channels that are not in the map; none: now

  bool operator==(const FromPositions&) const = default;
};

using Since = std::variant<FromNow, FromStart, Position, FromLast, FromPositions, SystemMicros>;

// The `since` of a command, as JSON: {"offset":N,"epoch":"E"}, {"positions":…,
// "time":T}, {"last":N}, {"time":T}, or a string or number in one of the forms
// below. REQUIRES: `json` is one valid JSON value. Durations count back from
// `now`. kBadCommand with the reason otherwise.
[[nodiscard]] Result<Since> parse_since(std::string_view json, SystemMicros now);

// The same from a query or a command line: `N`, `E:N`, `-100`, `-5m`, an RFC 3339
// time, `@1700000000.123`, `start`, `now`, and the positions of several channels
// (positions_text.h).
[[nodiscard]] Result<Since> parse_since_text(std::string_view text, SystemMicros now);

// The forms of text that mean a time: RFC 3339, `-5m`, `@1700000000.123`, `now`.
[[nodiscard]] std::optional<SystemMicros> parse_time_text(std::string_view text, SystemMicros now);

// The JSON that parse_since reads back as the same value. A time loses what its
// text cannot say: years past 9999.
[[nodiscard]] std::string to_json(const Since& since);

}  // namespace wskit::protocol
