// One message put together from the parts that arrive, inflated where it was
// compressed, and checked for UTF-8 on the way. Private to the reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "common/websocket/frame.h"
#include "common/websocket/utf8.h"
#include "common/websocket/violation.h"

namespace wskit::websocket {

class Inflater;

// How a compressed message is inflated: part by part by the connection's own
// inflater, or at once, when it is whole, by one that others use in between.
struct Inflation {
  Inflater* inflater = nullptr;  // null: the message is not compressed
  bool part_by_part = false;
};

class MessageAssembly {
 public:
  MessageAssembly(Opcode opcode, Inflation inflation, std::size_t max_bytes)
      : max_bytes_(max_bytes), inflation_(inflation), opcode_(opcode) {}

  // A frame of `payload_bytes` begins; its bytes follow through absorb().
  void begin_frame(std::uint64_t payload_bytes, bool fin);

  // The next bytes of the frame, unmasked; `ascii` if they are known to be, `last`
  // when the message ends with them. Memory follows what has arrived, never what was announced.
  [[nodiscard]] const Violation* absorb(std::span<const char> bytes, bool ascii, bool last);

  // The whole message, with `padding` readable bytes after it. REQUIRES: the
  // last part was absorbed. Call once.
  [[nodiscard]] std::span<char> finish(std::size_t padding);

  [[nodiscard]] Opcode opcode() const { return opcode_; }
  [[nodiscard]] bool compressed() const { return inflation_.inflater != nullptr; }
  [[nodiscard]] std::size_t frames() const { return frames_; }
  [[nodiscard]] std::uint64_t announced_bytes() const { return announced_bytes_; }

 private:
  [[nodiscard]] const Violation* check_text(std::span<const char> bytes, bool ascii, bool last);
  [[nodiscard]] const Violation* inflate(std::span<const char> bytes, bool last);
  void append(std::span<const char> bytes, std::string& to) const;

  std::string payload_;
  std::string collected_;  // still compressed: waits for the rest of the message
  std::uint64_t announced_bytes_ = 0;
  std::size_t frames_ = 0;
  std::size_t max_bytes_;
  Inflation inflation_;
  Opcode opcode_;
  bool final_frame_ = false;
  Utf8Validator utf8_;
};

}  // namespace wskit::websocket
