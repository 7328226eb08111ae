// RFC 7692 permessage-deflate over zlib: one message in, one message out.
//
// Beast's own deflate is not used: Boost 1.81's inflate fails on ordinary text
// ("invalid stored block length", boostorg/beast issue 3028).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace wskit::websocket {

// What both ends agreed on (RFC 7692 section 7.1). Window bits 9 to 15: zlib
// cannot write a raw window of 8 bits, so 8 is never agreed on for the side
// that compresses with it here.
struct DeflateParameters {
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  int server_max_window_bits = 15;
  int client_max_window_bits = 15;

  bool operator==(const DeflateParameters&) const = default;
};

// Compresses messages. One thread. About 260 KiB at 15 window bits.
class Deflater {
 public:
  // `keep_context`: each message may refer to those before (context takeover).
  Deflater(int window_bits, bool keep_context, int level = 1);
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // Appends the compressed payload (the tail 00 00 ff ff removed) to `out`.
  void compress(std::string_view message, std::string& out);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
  bool keep_context_;
};

// Inflates messages. One thread. About 40 KiB at 15 window bits.
class Inflater {
 public:
  enum class Status : std::uint8_t { kOk, kTooLarge, kCorrupt };

  Inflater(int window_bits, bool keep_context);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Appends the inflated bytes of one part of a message to `out`; `last` when
  // the message ends with it. A message may contain final blocks, end with one,
  // or have no bytes at all (then it is empty). kTooLarge as soon as `out` would
  // pass `max_bytes`, long before a bomb has been inflated; `out` has one byte
  // more then. After anything but kOk the message is lost and, with context
  // takeover, the connection with it.
  [[nodiscard]] Status inflate(std::span<const char> part, bool last, std::size_t max_bytes,
                               std::string& out);

  // Forgets an unfinished message and the window.
  void reset();

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
  bool keep_context_;
};

}  // namespace wskit::websocket
