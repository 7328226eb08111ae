// Times as the protocol writes them: RFC 3339, UTC, microseconds.
#pragma once

#include <array>
#include <chrono>
#include <string_view>

#include "common/protocol/error.h"

namespace wskit::protocol {

using SystemMicros = std::chrono::sys_time<std::chrono::microseconds>;

[[nodiscard]] SystemMicros system_now();

inline constexpr std::size_t kTimestampBytes = 27;  // 2026-11-20T10:00:00.123456Z

// The text of one moment. A value, so that formatting allocates nothing.
class Timestamp {
 public:
  explicit Timestamp(SystemMicros time);
  [[nodiscard]] static Timestamp now();
  [[nodiscard]] std::string_view text() const { return {text_.data(), text_.size()}; }

 private:
  std::array<char, kTimestampBytes> text_;
};

// Formats moments one after the other; within one second only the microseconds
// are written anew. One thread.
class TimestampWriter {
 public:
  // The text is valid until the next call.
  [[nodiscard]] std::string_view write(SystemMicros time);

 private:
  std::array<char, kTimestampBytes> text_{};
  std::chrono::sys_seconds second_{std::chrono::sys_seconds::min()};  // of text_; at first none
};

// Any RFC 3339 date-time, with an offset or Z and any number of fraction digits
// (those past the microsecond are cut). kBadEvent otherwise.
[[nodiscard]] Result<SystemMicros> parse_timestamp(std::string_view text);

}  // namespace wskit::protocol
