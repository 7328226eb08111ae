// Moments that feeds write as numbers, as the protocol's text.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "common/protocol/timestamp.h"

namespace wskit::pub {

// The moment that a JSON number stands for: Unix seconds with any fraction, or,
// from 1e11 on (which as seconds would be past the year 5000), milliseconds,
// from 1e14 microseconds, from 1e17 nanoseconds. However it is written, each digit counts;
// what is below a microsecond is cut. Nothing for a number past the year 9999 or before the
// year 0, and for what is no number.
[[nodiscard]] std::optional<protocol::SystemMicros> parse_unix_time(std::string_view number);

}  // namespace wskit::pub
