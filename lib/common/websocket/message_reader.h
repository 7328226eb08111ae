// The receiving half of RFC 6455: bytes in, whole messages and control frames
// out, every violation named.
//
// Pull parser: feed() a piece of the stream, then call next() until it says
// kNeedMore. What was valid before a violation is handed out first. Knows no
// socket; answers (pong, close) are the caller's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/protocol/close_code.h"
#include "common/websocket/frame.h"
#include "common/websocket/utf8.h"

namespace wskit::websocket {

class Inflater;
struct Violation;

// The same for many connections; outlives their readers.
struct ReaderLimits {
  std::size_t max_message_bytes = 1 << 20;  // inflated, where the message was compressed
  std::size_t max_fragments = 131072;       // frames of one message

  bool operator==(const ReaderLimits&) const = default;
};

class MessageReader {
 public:
  enum class Kind : std::uint8_t { kNeedMore, kMessage, kPing, kPong, kClose, kViolation };

  // What next() found. `payload` is unmasked, followed by at least kPadding
  // readable bytes if the fed buffer has them after its end too, and valid until
  // the next call of next() or feed().
  struct Item {
    Kind kind = Kind::kNeedMore;
    Opcode opcode = Opcode::kText;  // of a message: kText (valid UTF-8) or kBinary
    std::span<char> payload{};      // of a message, ping or pong
    protocol::CloseCode code{};     // kClose: the peer's (kNoStatus if none); kViolation: ours to send
    std::string_view reason{};      // kClose: the peer's, valid UTF-8; kViolation: what was wrong
  };

  static constexpr std::size_t kPadding = 64;

  // A server requires masked frames, a client unmasked ones. `limits` must
  // outlive the reader. Allocates nothing until a message comes in parts.
  MessageReader(Role role, const ReaderLimits& limits);
  ~MessageReader();
  MessageReader(MessageReader&&) noexcept;
  MessageReader& operator=(MessageReader&&) noexcept;

  [[nodiscard]] const ReaderLimits& limits() const { return *limits_; }

  // permessage-deflate was negotiated. A shared inflater (no context takeover)
  // may serve many readers of one thread: compressed parts are collected first
  // and inflated when the message is whole. It must outlive the reader.
  void share_inflater(Inflater* inflater);
  void own_inflater(std::unique_ptr<Inflater> inflater);

  // The next bytes of the stream; they are unmasked in place and must stay until
  // next() has said kNeedMore. REQUIRES: the bytes fed before are used up.
  void feed(std::span<char> bytes);

  // Takes back those of the fed bytes that next() has not come to, as they were fed:
  // to be fed again, before any that follow them.
  [[nodiscard]] std::span<char> take_back();

  // After kClose or kViolation the stream is over: only kNeedMore follows.
  [[nodiscard]] Item next();

  // Whether a frame or a fragmented message has begun and not ended.
  [[nodiscard]] bool mid_message() const;

 private:
  struct Frame;  // one decoded header
  struct Parts;  // a message or a frame that came in pieces, or is compressed

  [[nodiscard]] bool in_message() const;
  void release_handed_out();
  Parts& parts();

  // These say whether they found something, and put it into `item`.
  bool advance(Item& item);
  bool begin_frame(Frame& frame, Item& item);
  bool continue_frame(Item& item);
  bool continue_control(Opcode opcode, std::span<const char> bytes, bool last, Item& item);
  bool finish_control(Opcode opcode, std::span<char> payload, Item& item);
  bool finish_close(std::span<char> payload, Item& item);
  bool fail(const Violation& violation, Item& item);

  bool read_header(Frame& frame, const Violation*& bad);
  std::size_t decode_header(std::span<const char> bytes, Frame& frame, const Violation*& bad) const;
  [[nodiscard]] const Violation* check_first_byte(std::uint8_t byte) const;
  [[nodiscard]] const Violation* check_size(const Frame& frame) const;

  bool take(Frame& frame, std::span<char>& bytes);
  void end_stream();

  const ReaderLimits* limits_;
  Inflater* inflater_ = nullptr;  // null: permessage-deflate was not negotiated
  std::unique_ptr<Inflater> own_inflater_;
  std::unique_ptr<Parts> parts_;  // only while there is something in it
  char* at_ = nullptr;            // what is left of the fed bytes
  char* end_ = nullptr;
  std::array<char, kMaxHeaderBytes> header_{};  // a header that the fed bytes ended in
  std::uint8_t header_bytes_ = 0;
  Role role_;
  bool over_ = false;
};

}  // namespace wskit::websocket
