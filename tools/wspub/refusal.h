// What a server says when it does not take a publish command.
//
// Threads: plain values and pure functions.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/protocol/reply.h"

namespace wskit::pub {

// Refers to the reply's texts.
struct Refusal {
  std::string_view code;
  std::string_view message;
  std::optional<std::size_t> index;  // of the event in a batch that was at fault
  // The least sequence that the server remembers, where it refused an older one.
  std::optional<std::int64_t> oldest;
  std::optional<std::chrono::nanoseconds> retry_after;

  // It says "not now" about the server rather than "no" about the event: the same event is
  // worth another try.
  [[nodiscard]] bool is_transient() const { return code == "UNAVAILABLE" || code == "RATE_LIMITED"; }
};

[[nodiscard]] Refusal read_refusal(const protocol::Refused& refused);

}  // namespace wskit::pub
