// The JSON of a benchmark event: as it is delivered, and the part of it that is
// published.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "wsbench/stamp.h"

namespace wskit::bench {

inline constexpr std::string_view kEventType = "bench";
inline constexpr std::string_view kTimestampExample = "2026-01-01T00:00:00.000000Z";

[[nodiscard]] std::string channel_name(std::uint32_t channel);

// The bytes of a delivered event around its data, for an offset of that value.
[[nodiscard]] std::size_t envelope_bytes(std::uint32_t channel, std::uint64_t offset);

// Everything of the data but the padding.
[[nodiscard]] std::size_t unpadded_data_bytes();

// Appends `{"pad":"…","stamp":"…"}`. The stamp comes last, so that a receiver finds
// it at a fixed distance from the end of the message.
void append_event_data(const Stamp& stamp, std::size_t pad_bytes, std::string& out);

// Appends a whole event as a subscriber gets it.
void append_delivered_event(std::uint32_t channel, std::uint64_t offset, const Stamp& stamp,
                            std::size_t pad_bytes, std::string& out);

// The bytes behind a stamp in a delivered event.
inline constexpr std::string_view kAfterStamp = "\"}}";

}  // namespace wskit::bench
