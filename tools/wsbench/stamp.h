// What every measured event carries inside its data, as text of a fixed width: who
// sent it, its place in the publisher's order, when it was due and when it left.
// A checksum tells a damaged stamp from a sound one.
//
// Threads: pure functions.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "wsbench/clock.h"

namespace wskit::bench {

struct Stamp {
  std::uint32_t run = 0;        // random per run: events of others are not ours
  std::uint16_t publisher = 0;  // from 0
  std::uint64_t sequence = 0;   // of the publisher over all of its channels, from 0; 48 bits
  Nanos due = 0;                // since the run's base; 48 bits: three days
  Nanos sent = 0;               // since the run's base

  bool operator==(const Stamp&) const = default;
};

// Seven groups of eight hexadecimal digits: run, publisher and sequence (two), due
// and sent (three), checksum.
inline constexpr std::size_t kStampBytes = 56;

// Writes kStampBytes at `out` and returns the end.
char* write_stamp(const Stamp& stamp, char* out);

// The run as the stamp's first digits, by which a receiver knows its own events.
inline constexpr std::size_t kRunBytes = 8;
using RunText = std::array<char, kRunBytes>;
[[nodiscard]] RunText run_text(std::uint32_t run);

namespace detail {

inline std::uint64_t load(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// A number as eight hexadecimal digits, as load() finds them, all at once.
inline std::uint64_t to_hex(std::uint32_t value) {
  std::uint64_t word = value;
  word = (word | word << 16) & 0x0000ffff0000ffffU;
  word = (word | word << 8) & 0x00ff00ff00ff00ffU;
  word = (word | word << 4) & 0x0f0f0f0f0f0f0f0fU;
  const std::uint64_t letters =
      (word + 0x0606060606060606U) >> 4 & 0x0101010101010101U;  // of the digits a to f
  word += 0x3030303030303030U + letters * ('a' - '0' - 10);
  return std::endian::native == std::endian::little ? __builtin_bswap64(word) : word;
}

// Eight hexadecimal digits to their number, all at once. Anything but digits gives
// some number: the checksum is over the text.
inline std::uint32_t from_hex(const char* at) {
  std::uint64_t word = load(at);
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
  word = (word & 0x0f0f0f0f0f0f0f0fU) + 9 * ((word >> 6) & 0x0101010101010101U);
  word = (word | (word >> 4)) & 0x00ff00ff00ff00ffU;
  word = (word | (word >> 8)) & 0x0000ffff0000ffffU;
  return static_cast<std::uint32_t>(word | (word >> 16));
}

inline std::uint32_t checksum(const char* stamp) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15U;
  std::uint64_t hash = 0;
  for (std::size_t group = 0; group < 6; ++group) {
    hash = (std::rotl(hash, 23) ^ load(stamp + group * 8)) * kOdd;
  }
  return static_cast<std::uint32_t>(hash >> 32);
}

}  // namespace detail

// Whether the kStampBytes at `text` are a sound stamp; if so, what it says.
[[nodiscard]] inline bool read_stamp(const char* text, Stamp& stamp) {
  if (detail::to_hex(detail::checksum(text)) != detail::load(text + 48)) return false;
  const std::uint64_t middle = detail::from_hex(text + 8);
  const std::uint64_t times = detail::from_hex(text + 32);
  stamp.run = detail::from_hex(text);
  stamp.publisher = static_cast<std::uint16_t>(middle >> 16);
  stamp.sequence = (middle & 0xffff) << 32 | detail::from_hex(text + 16);
  stamp.due = static_cast<Nanos>(std::uint64_t{detail::from_hex(text + 24)} << 16 | times >> 16);
  stamp.sent = static_cast<Nanos>((times & 0xffff) << 32 | detail::from_hex(text + 40));
  return true;
}

}  // namespace wskit::bench
