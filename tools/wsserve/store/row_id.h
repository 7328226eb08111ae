// Where an event's row is: events(id) is the number of its channel and its
// offset in one integer, so that a channel's events lie side by side and in order.
#pragma once

#include <cstdint>

namespace wskit::server::store {

// 43 bits of offset: a channel that takes 100,000 events a second lasts for more
// than two years. The rest numbers the channels, from 1.
inline constexpr int kOffsetBits = 43;
inline constexpr std::uint64_t kMaxOffset = (std::uint64_t{1} << kOffsetBits) - 1;
inline constexpr std::int64_t kMaxChannelId = (std::int64_t{1} << (63 - kOffsetBits)) - 1;

// REQUIRES: offset <= kMaxOffset.
[[nodiscard]] constexpr std::int64_t row_id(std::int64_t channel, std::uint64_t offset) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(channel) << kOffsetBits | offset);
}

[[nodiscard]] constexpr std::uint64_t offset_of(std::int64_t row) {
  return static_cast<std::uint64_t>(row) & kMaxOffset;
}

}  // namespace wskit::server::store
