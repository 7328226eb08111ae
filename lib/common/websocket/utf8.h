// UTF-8 checked as bytes arrive, so that a bad sequence is seen in the middle of
// a frame and even of a code point (RFC 6455 section 8.1, RFC 3629).
#pragma once

#include <cstdint>
#include <span>

namespace wskit::websocket {

// One message. A value of a few bytes; any thread, one at a time.
class Utf8Validator {
 public:
  // False as soon as the bytes so far can begin no valid text; then useless
  // until reset.
  [[nodiscard]] bool feed(std::span<const char> bytes);

  // Whether the text may end here: no code point is unfinished.
  [[nodiscard]] bool complete() const { return expected_ == 0; }

  void reset() { *this = {}; }

 private:
  [[nodiscard]] bool step(std::uint8_t byte);

  std::uint8_t expected_ = 0;  // continuation bytes still to come
  std::uint8_t low_ = 0x80;    // bounds of the next one
  std::uint8_t high_ = 0xBF;
};

}  // namespace wskit::websocket
