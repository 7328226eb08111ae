// The values that options take, from text and back: durations, sizes, rates,
// times. An error says what was wrong with the text and what would be right.
//
// Threads: pure functions.
#pragma once

#include <boost/system/result.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/protocol/timestamp.h"

namespace wskit::cli {

struct ValueError {
  std::string message;
};
[[noreturn]] void throw_exception_from_error(const ValueError& error, const boost::source_location&);

template <class T>
using ValueResult = boost::system::result<T, ValueError>;

// `250ms`, `5s`, `2m`, `1h30m`, `1.5s`; a bare number counts seconds. Units: ns us ms s m h d.
[[nodiscard]] ValueResult<std::chrono::nanoseconds> parse_duration(std::string_view text);
[[nodiscard]] std::string format_duration(std::chrono::nanoseconds duration);

struct DurationRange {
  std::chrono::nanoseconds from;
  std::chrono::nanoseconds to;
};
// `1s..60s`; one duration stands for both ends.
[[nodiscard]] ValueResult<DurationRange> parse_duration_range(std::string_view text);

// `10k`, `64KiB`, `1MiB`, `1.5MB`: k, m and g count in thousands, ki, mi and gi
// in 1024s, the B is optional.
[[nodiscard]] ValueResult<std::uint64_t> parse_size(std::string_view text);
[[nodiscard]] std::string format_size(std::uint64_t bytes);

// A count: `100`, `10k`, `2M`.
[[nodiscard]] ValueResult<std::uint64_t> parse_count(std::string_view text);

// Events a second: `100`, `2.5k`, `100/s`, `6000/m`; greater than 0.
[[nodiscard]] ValueResult<double> parse_rate(std::string_view text);

// How much faster than it happened: `60x`, `0.5x`, `2`; greater than 0. `max`, as
// fast as it goes, is infinity.
[[nodiscard]] ValueResult<double> parse_speed(std::string_view text);
[[nodiscard]] std::string format_speed(double speed);

// RFC 3339, `-5m` (before `now`), `@1700000000.123` (Unix seconds), `now`.
[[nodiscard]] ValueResult<protocol::SystemMicros> parse_time(std::string_view text,
                                                             protocol::SystemMicros now);

}  // namespace wskit::cli
