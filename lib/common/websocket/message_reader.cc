#include "common/websocket/message_reader.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <optional>
#include <utility>

#include "common/websocket/deflate.h"
#include "common/websocket/message_assembly.h"
#include "common/websocket/violation.h"

namespace wskit::websocket {

static_assert(sizeof(MessageReader) <= 96, "there is one for every idle connection");

namespace {

bool is_control(Opcode opcode) { return (static_cast<std::uint8_t>(opcode) & 0x8) != 0; }

std::uint64_t read_number(std::span<const char> bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

// What a compressed message of `max_bytes` may take: more than itself when it
// does not compress, and how much more is up to the peer's encoder.
std::uint64_t max_compressed_bytes(std::size_t max_bytes) {
  return std::uint64_t{max_bytes} + max_bytes / 8 + 1024;
}

bool is_utf8(std::span<const char> text) {
  Utf8Validator validator;
  return validator.feed(text) && validator.complete();
}

}  // namespace

struct MessageReader::Frame {
  Opcode opcode = Opcode::kText;
  bool fin = false;
  bool compressed = false;
  bool masked = false;
  Mask mask{};
  std::uint64_t payload_bytes = 0;
  std::uint64_t received_bytes = 0;

  [[nodiscard]] std::uint64_t missing_bytes() const { return payload_bytes - received_bytes; }
};

struct MessageReader::Parts {
  std::optional<MessageAssembly> message;
  bool message_handed_out = false;
  std::optional<Frame> frame;  // the one whose payload has not all arrived
  std::string control;         // its payload, if it is a control frame
};

MessageReader::MessageReader(Role role, const ReaderLimits& limits) : limits_(&limits), role_(role) {}
MessageReader::~MessageReader() = default;
MessageReader::MessageReader(MessageReader&&) noexcept = default;
MessageReader& MessageReader::operator=(MessageReader&&) noexcept = default;

void MessageReader::share_inflater(Inflater* inflater) {
  own_inflater_.reset();
  inflater_ = inflater;
}

void MessageReader::own_inflater(std::unique_ptr<Inflater> inflater) {
  own_inflater_ = std::move(inflater);
  inflater_ = own_inflater_.get();
}

void MessageReader::feed(std::span<char> bytes) {
  assert(at_ == end_);
  release_handed_out();
  if (over_) return;
  at_ = bytes.data();
  end_ = at_ + bytes.size();
}

std::span<char> MessageReader::take_back() { return {std::exchange(at_, end_), end_}; }

bool MessageReader::in_message() const { return parts_ && parts_->message && !parts_->message_handed_out; }

bool MessageReader::mid_message() const {
  return header_bytes_ != 0 || in_message() || (parts_ && parts_->frame);
}

MessageReader::Item MessageReader::next() {
  Item item;
  release_handed_out();
  while (at_ != end_ && !advance(item)) {
  }
  return item;
}

bool MessageReader::advance(Item& item) {
  if (parts_ && parts_->frame) return continue_frame(item);
  Frame frame;
  const Violation* bad = nullptr;
  if (read_header(frame, bad)) return begin_frame(frame, item);
  return bad && fail(*bad, item);
}

void MessageReader::release_handed_out() {
  if (!parts_) return;
  if (over_) return parts_.reset();
  if (parts_->message_handed_out) {
    parts_->message.reset();
    parts_->message_handed_out = false;
  }
  if (parts_->frame) return;
  parts_->control.clear();
  if (!parts_->message) parts_.reset();
}

MessageReader::Parts& MessageReader::parts() {
  if (!parts_) parts_ = std::make_unique<Parts>();
  return *parts_;
}

// True when the header is whole; the bytes of an unfinished one are kept.
bool MessageReader::read_header(Frame& frame, const Violation*& bad) {
  const auto fed = static_cast<std::size_t>(end_ - at_);
  if (header_bytes_ == 0) {
    const std::size_t used = decode_header({at_, fed}, frame, bad);
    if (used != 0) {
      at_ += used;
      return true;
    }
  }
  if (bad) return false;
  const std::size_t kept = header_bytes_;
  const std::size_t added = std::min(fed, header_.size() - kept);
  std::memcpy(header_.data() + kept, at_, added);
  const std::size_t used = decode_header({header_.data(), kept + added}, frame, bad);
  if (used == 0) {
    header_bytes_ = static_cast<std::uint8_t>(kept + added);
    at_ += added;
    return false;
  }
  header_bytes_ = 0;
  at_ += used - kept;
  return true;
}

// The size of the header, or 0 if it is unfinished or `bad`, which is set as
// soon as the bytes at hand show it.
std::size_t MessageReader::decode_header(std::span<const char> bytes, Frame& frame,
                                         const Violation*& bad) const {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); };
  if ((bad = check_first_byte(byte(0)))) return 0;
  frame.opcode = static_cast<Opcode>(byte(0) & 0x0F);
  frame.fin = (byte(0) & 0x80) != 0;
  frame.compressed = (byte(0) & 0x40) != 0;
  if (bytes.size() < 2) return 0;

  frame.masked = (byte(1) & 0x80) != 0;
  const std::uint8_t short_length = byte(1) & 0x7F;
  if (frame.masked != (role_ == Role::kServer)) {
    bad = frame.masked ? &violation::kMasked : &violation::kUnmasked;
    return 0;
  }
  if (is_control(frame.opcode) && short_length > kMaxControlPayload) {
    bad = &violation::kLongControl;
    return 0;
  }
  if (frame.opcode == Opcode::kClose && short_length == 1) {
    bad = &violation::kShortClose;
    return 0;
  }

  std::size_t used = 2;
  frame.payload_bytes = short_length;
  if (short_length > kMaxControlPayload) {
    const std::size_t length_bytes = short_length == 126 ? 2 : 8;
    if (length_bytes == 8 && bytes.size() > 2 && (byte(2) & 0x80)) bad = &violation::kLengthTopBit;
    if (bad || bytes.size() < used + length_bytes) return 0;
    frame.payload_bytes = read_number(bytes.subspan(used, length_bytes));
    used += length_bytes;
    if (frame.payload_bytes <= (length_bytes == 2 ? kMaxControlPayload : 0xFFFF)) {
      bad = &violation::kLongLength;
      return 0;
    }
  }
  if ((bad = check_size(frame))) return 0;
  if (!frame.masked) return used;
  if (bytes.size() < used + frame.mask.size()) return 0;
  std::memcpy(frame.mask.data(), bytes.data() + used, frame.mask.size());
  return used + frame.mask.size();
}

const Violation* MessageReader::check_first_byte(std::uint8_t byte) const {
  const auto opcode = static_cast<Opcode>(byte & 0x0F);
  const bool fin = (byte & 0x80) != 0;
  const bool compressed = (byte & 0x40) != 0;
  if (byte & 0x30) return &violation::kReservedBits;
  switch (opcode) {
    case Opcode::kText:
    case Opcode::kBinary:
      if (compressed && !inflater_) return &violation::kNotNegotiated;
      return in_message() ? &violation::kNotContinued : nullptr;
    case Opcode::kContinuation:
      if (compressed) return &violation::kCompressedContinuation;
      if (!in_message()) return &violation::kNothingToContinue;
      return parts_->message->frames() >= limits_->max_fragments ? &violation::kTooManyFragments : nullptr;
    case Opcode::kClose:
    case Opcode::kPing:
    case Opcode::kPong:
      if (compressed) return &violation::kCompressedControl;
      return fin ? nullptr : &violation::kFragmentedControl;
  }
  return &violation::kUnknownOpcode;
}

const Violation* MessageReader::check_size(const Frame& frame) const {
  if (is_control(frame.opcode)) return nullptr;
  const bool continues = frame.opcode == Opcode::kContinuation;
  const bool compressed = continues ? parts_->message->compressed() : frame.compressed;
  const std::uint64_t before = continues ? parts_->message->announced_bytes() : 0;
  const std::size_t max_bytes = limits_->max_message_bytes;
  const std::uint64_t limit = compressed ? max_compressed_bytes(max_bytes) : max_bytes;
  return frame.payload_bytes > limit - before ? &violation::kTooBig : nullptr;
}

// Unmasks the part of the payload that has arrived; says whether it is known to be
// ASCII.
bool MessageReader::take(Frame& frame, std::span<char>& bytes) {
  const auto fed = static_cast<std::uint64_t>(end_ - at_);
  bytes = {at_, static_cast<std::size_t>(std::min(fed, frame.missing_bytes()))};
  const std::uint64_t position = frame.received_bytes;
  frame.received_bytes += bytes.size();
  at_ += bytes.size();
  return frame.masked && apply_mask(bytes, frame.mask, position);
}

bool MessageReader::begin_frame(Frame& frame, Item& item) {
  const bool whole = frame.payload_bytes <= static_cast<std::uint64_t>(end_ - at_);
  if (is_control(frame.opcode)) {
    if (whole) {
      take(frame, item.payload);
      return finish_control(frame.opcode, item.payload, item);
    }
  } else if (whole && frame.fin && !frame.compressed && frame.opcode != Opcode::kContinuation) {
    item.kind = Kind::kMessage;
    item.opcode = frame.opcode;
    const bool ascii = take(frame, item.payload);
    const bool good = ascii || frame.opcode == Opcode::kBinary || is_utf8(item.payload);
    return good || fail(violation::kText, item);
  } else {
    if (frame.opcode != Opcode::kContinuation) {
      const Inflation inflation{frame.compressed ? inflater_ : nullptr, own_inflater_ != nullptr};
      parts().message.emplace(frame.opcode, inflation, limits_->max_message_bytes);
    }
    parts_->message->begin_frame(frame.payload_bytes, frame.fin);
  }
  parts().frame = frame;
  return continue_frame(item);
}

bool MessageReader::continue_frame(Item& item) {
  Frame& frame = *parts_->frame;
  std::span<char> bytes;
  const bool ascii = take(frame, bytes);
  const bool frame_ends = frame.missing_bytes() == 0;
  const Opcode opcode = frame.opcode;
  const bool message_ends = frame_ends && frame.fin;
  if (frame_ends) parts_->frame.reset();
  if (is_control(opcode)) return continue_control(opcode, bytes, frame_ends, item);

  MessageAssembly& message = *parts_->message;
  if (const Violation* bad = message.absorb(bytes, ascii, message_ends)) return fail(*bad, item);
  if (!message_ends) return false;
  parts_->message_handed_out = true;
  item.kind = Kind::kMessage;
  item.opcode = message.opcode();
  item.payload = message.finish(kPadding);
  return true;
}

bool MessageReader::continue_control(Opcode opcode, std::span<const char> bytes, bool last, Item& item) {
  std::string& payload = parts_->control;
  payload.append(bytes.data(), bytes.size());
  if (!last) return false;
  const std::size_t size = payload.size();
  payload.append(kPadding, '\0');
  return finish_control(opcode, {payload.data(), size}, item);
}

bool MessageReader::finish_control(Opcode opcode, std::span<char> payload, Item& item) {
  if (opcode == Opcode::kClose) return finish_close(payload, item);
  item.kind = opcode == Opcode::kPing ? Kind::kPing : Kind::kPong;
  item.opcode = opcode;
  item.payload = payload;
  return true;
}

bool MessageReader::finish_close(std::span<char> payload, Item& item) {
  item.code = protocol::CloseCode::kNoStatus;
  if (!payload.empty()) {
    const auto code = static_cast<std::uint16_t>(read_number(payload.first(2)));
    const std::span<char> reason = payload.subspan(2);
    if (!protocol::may_travel(code)) return fail(violation::kCloseCode, item);
    if (!is_utf8(reason)) return fail(violation::kCloseReason, item);
    item.code = static_cast<protocol::CloseCode>(code);
    item.reason = {reason.data(), reason.size()};
  }
  item.kind = Kind::kClose;
  item.opcode = Opcode::kClose;
  item.payload = {};
  end_stream();
  return true;
}

bool MessageReader::fail(const Violation& violation, Item& item) {
  item.kind = Kind::kViolation;
  item.payload = {};
  item.code = violation.code;
  item.reason = violation.reason;
  parts_.reset();
  end_stream();
  return true;
}

// What was handed out last stays until the next call.
void MessageReader::end_stream() {
  over_ = true;
  header_bytes_ = 0;
  at_ = end_;
}

}  // namespace wskit::websocket
