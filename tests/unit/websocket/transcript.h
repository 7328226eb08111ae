// A small language for tests of the reader: streams built byte by byte without
// the code under test, and what a reader makes of them as short strings.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/websocket/message_reader.h"

namespace wskit::websocket {

// The first byte of a frame.
inline constexpr std::uint8_t kFin = 0x80;
inline constexpr std::uint8_t kRsv1 = 0x40;

constexpr std::uint8_t first_byte(Opcode opcode, bool fin = true, bool compressed = false) {
  return static_cast<std::uint8_t>((fin ? kFin : 0) | (compressed ? kRsv1 : 0) |
                                   static_cast<std::uint8_t>(opcode));
}

// A frame as a client (masked) or a server sends it.
std::string client_frame(std::uint8_t first, std::string_view payload);
std::string server_frame(std::uint8_t first, std::string_view payload);

inline std::string client_frame(Opcode opcode, std::string_view payload) {
  return client_frame(first_byte(opcode), payload);
}

// The header of a client's frame that announces `payload_bytes` and brings none.
std::string client_header(std::uint8_t first, std::uint64_t payload_bytes);

// The payload of a close frame.
std::string close_payload(std::uint16_t code, std::string_view reason = {});

// One item: "text:hello", "binary:…", "ping:…", "pong:…", "close:1000:reason",
// "violation:1002:reason", "more".
std::string describe(const MessageReader::Item& item);

// Everything `reader` says to `stream` when it is fed in pieces that end at
// `cuts` (ascending). Each piece lies in a buffer of exactly its size, gone
// before the next is fed, so that a sanitizer sees any use past it.
std::vector<std::string> transcript(MessageReader& reader, std::string_view stream,
                                    std::span<const std::size_t> cuts = {});

// The same, one byte at a time.
std::vector<std::string> transcript_bytewise(MessageReader& reader, std::string_view stream);

}  // namespace wskit::websocket
