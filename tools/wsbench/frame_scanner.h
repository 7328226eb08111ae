// A server's frames in a piece of its stream, found as cheaply as possible: whole
// unfragmented data frames at once, all others handed out one by one.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "common/websocket/frame.h"

namespace wskit::bench {

struct ScannedFrame {
  websocket::Opcode opcode;
  bool fin;
  bool valid;  // no reserved bits, no mask
  std::string_view payload;
};

// Calls on_message(payload) for each text or binary message in one frame and
// on_other(ScannedFrame) for everything else; on_other returns false to stop.
// Returns the bytes used up: what is left is the beginning of a frame.
template <class OnMessage, class OnOther>
std::size_t scan_frames(std::string_view bytes, OnMessage&& on_message, OnOther&& on_other) {
  const char* const begin = bytes.data();
  std::size_t at = 0;
  while (bytes.size() - at >= 2) {
    const auto first = static_cast<std::uint8_t>(begin[at]);
    const auto second = static_cast<std::uint8_t>(begin[at + 1]);
    std::size_t header = 2;
    std::uint64_t length = second & 0x7fU;
    if (length == 126) {
      header = 4;
      if (bytes.size() - at < header) break;
      std::uint16_t wide = 0;
      std::memcpy(&wide, begin + at + 2, sizeof wide);
      length = __builtin_bswap16(wide);
    } else if (length == 127) {
      header = 10;
      if (bytes.size() - at < header) break;
      std::memcpy(&length, begin + at + 2, sizeof length);
      length = __builtin_bswap64(length);
    }
    if (bytes.size() - at - header < length) break;
    const std::string_view payload(begin + at + header, static_cast<std::size_t>(length));
    at += header + static_cast<std::size_t>(length);
    if ((first == 0x81 || first == 0x82) && second < 0x80) [[likely]] {
      on_message(payload);
    } else if (!on_other(ScannedFrame{static_cast<websocket::Opcode>(first & 0x0f), (first & 0x80) != 0,
                                      (first & 0x70) == 0 && second < 0x80, payload})) {
      break;
    }
  }
  return at;
}

}  // namespace wskit::bench
