// A conversation's input: what one side says, as a script of parts.
//
// The first part begins behind the input's settings, each further one with the byte 0x1e
// (a record separator) and a letter. A small letter: the part is a write of its own; the
// same as a capital: it is joined to the write before it. What the letters mean:
//
//     r  the bytes as they are; so is what stands behind any other letter, which they include
//     x  the bytes behind the first one, as often as that one says: 2^(it mod 32), but never
//        more than kMostBytes in all; `P` stands for 65,536 times
//     t  the bytes as a text message; b as a binary one; z as a compressed text
//     f  the first frame of a text in several, m a further one, e the last one
//     i  a ping; o a pong; k a close frame, with whatever bytes
//
// and what a target adds to them. So an input reads as what it does, and what the mutations
// leave of a script is still one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/websocket/frame.h"

namespace wskit::fuzz {

struct Part {
  char letter = 'r';  // in lower case
  bool joined = false;
  std::string_view text;
};

[[nodiscard]] std::vector<Part> read_script(std::string_view input);

inline constexpr std::size_t kMostBytes = std::size_t{256} << 10;

// The bytes of a part, as far as the letters above say; those of any other letter as they
// are. A client's frames are masked.
[[nodiscard]] std::string to_bytes(const Part& part, websocket::Role sender);

}  // namespace wskit::fuzz
