// Times as people at this machine read and write them: in its time zone (TZ).
//
// Threads: pure functions, but for the zone, which the C library reads.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/cli/values.h"
#include "common/protocol/timestamp.h"

namespace wskit::cli {

// Whether `text` is meant as a date or a time of day: it begins with YYYY-MM-DD,
// H:MM or HH:MM, or is one of the words below.
[[nodiscard]] bool looks_like_local_time(std::string_view text);

// What journalctl --since takes: `09:30` (of the day of `now`), `2026-11-20` (its
// beginning), `2026-11-20 09:30`, also with a T between, with seconds and a
// fraction, `yesterday`, `today` and `tomorrow`, alone or before a time of day.
// All are of this machine's zone, unless Z, UTC or an offset (+01:00) ends them.
// An error names what does not fit. REQUIRES: looks_like_local_time(text).
[[nodiscard]] ValueResult<protocol::SystemMicros> parse_local_time(std::string_view text,
                                                                   protocol::SystemMicros now);

// A moment in this machine's zone, in parts.
struct LocalMoment {
  std::string date;    // 2026-11-20
  std::string clock;   // 10:00:00.123456
  std::string offset;  // +01:00
};
[[nodiscard]] LocalMoment local_moment(protocol::SystemMicros time);
// The same in UTC, whose offset is Z.
[[nodiscard]] LocalMoment utc_moment(protocol::SystemMicros time);

// 2026-11-20T10:00:00+01:00, with a fraction where there is one: as a tool reads it
// back everywhere.
[[nodiscard]] std::string format_local_time(protocol::SystemMicros time);

}  // namespace wskit::cli
