#include "common/websocket/message_assembly.h"

#include <algorithm>
#include <utility>

#include "common/websocket/deflate.h"
#include "common/websocket/message_reader.h"

namespace wskit::websocket {

void MessageAssembly::begin_frame(std::uint64_t payload_bytes, bool fin) {
  ++frames_;
  announced_bytes_ += payload_bytes;
  final_frame_ = fin;
}

const Violation* MessageAssembly::absorb(std::span<const char> bytes, bool ascii, bool last) {
  if (!compressed()) {
    const Violation* bad = check_text(bytes, ascii, last);
    if (!bad) append(bytes, payload_);
    return bad;
  }
  if (inflation_.part_by_part || (last && collected_.empty())) return inflate(bytes, last);
  append(bytes, collected_);
  if (!last) return nullptr;
  const Violation* bad = inflate(collected_, true);
  collected_ = {};
  return bad;
}

std::span<char> MessageAssembly::finish(std::size_t padding) {
  const std::size_t bytes = payload_.size();
  payload_.append(padding, '\0');
  return {payload_.data(), bytes};
}

const Violation* MessageAssembly::check_text(std::span<const char> bytes, bool ascii, bool last) {
  if (opcode_ != Opcode::kText || (ascii && utf8_.complete())) return nullptr;
  return utf8_.feed(bytes) && (!last || utf8_.complete()) ? nullptr : &violation::kText;
}

const Violation* MessageAssembly::inflate(std::span<const char> bytes, bool last) {
  const std::size_t before = payload_.size();
  const Inflater::Status status = inflation_.inflater->inflate(bytes, last, max_bytes_, payload_);
  // What came out before a fault is looked at first, so that the verdict does not
  // depend on how the message was cut.
  const bool whole = last && status == Inflater::Status::kOk;
  if (const Violation* bad = check_text(std::span(payload_).subspan(before), false, whole)) return bad;
  if (status == Inflater::Status::kTooLarge) return &violation::kTooBig;
  return status == Inflater::Status::kCorrupt ? &violation::kCorrupt : nullptr;
}

// Doubles, but in the last frame, whose end is known, not past that. Keeps room
// for the padding, so that finish() need not grow a large message again.
void MessageAssembly::append(std::span<const char> bytes, std::string& to) const {
  constexpr std::size_t kPadding = MessageReader::kPadding;
  const std::size_t needed = to.size() + bytes.size() + kPadding;
  if (needed > to.capacity()) {
    std::size_t room = 2 * to.capacity();
    if (final_frame_ && announced_bytes_ < room) room = static_cast<std::size_t>(announced_bytes_) + kPadding;
    std::string larger;  // reserve() of the old one would double it
    larger.reserve(std::max(needed, room));
    larger.append(to);
    to = std::move(larger);
  }
  to.append(bytes.data(), bytes.size());
}

}  // namespace wskit::websocket
