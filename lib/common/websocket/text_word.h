// Eight bytes of text at a time. Private to the codec.
#pragma once

#include <cstdint>
#include <cstring>

namespace wskit::websocket {

// Set in a word that holds a byte that is not ASCII.
inline constexpr std::uint64_t kHighBits = 0x8080808080808080;

inline std::uint64_t load_word(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

inline void store_word(std::uint64_t word, char* at) { std::memcpy(at, &word, sizeof word); }

// A byte of UTF-8 that goes on with a code point.
constexpr bool is_continuation(char byte) { return (static_cast<std::uint8_t>(byte) & 0xC0) == 0x80; }

}  // namespace wskit::websocket
