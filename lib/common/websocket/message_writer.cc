#include "common/websocket/message_writer.h"

#include <array>
#include <cassert>
#include <cstdint>

#include "common/websocket/text_word.h"

namespace wskit::websocket {

namespace {

constexpr std::size_t kMaxReason = kMaxControlPayload - 2;

std::string_view cut_reason(std::string_view reason) {
  if (reason.size() <= kMaxReason) return reason;
  std::size_t bytes = kMaxReason;
  while (bytes > 0 && is_continuation(reason[bytes])) --bytes;
  return reason.substr(0, bytes);
}

}  // namespace

void append_frame(std::string& out, Opcode opcode, std::string_view payload, MaskSource* mask,
                  bool compressed) {
  Mask key{};
  FrameHeader header{.opcode = opcode, .payload_bytes = payload.size(), .compressed = compressed};
  if (mask) {
    key = mask->next();
    header.mask = &key;
  }
  std::array<char, kMaxHeaderBytes> bytes;
  const char* const end = write_header(header, bytes.data());
  out.append(static_cast<const char*>(bytes.data()), end);
  const std::size_t start = out.size();
  out.append(payload);
  if (mask) apply_mask(std::span(out).subspan(start), key);
}

void append_close(std::string& out, protocol::CloseCode code, std::string_view reason, MaskSource* mask) {
  std::string payload;
  if (code != protocol::CloseCode::kNoStatus) {
    const auto number = static_cast<std::uint16_t>(code);
    assert(protocol::may_travel(number));
    payload.push_back(static_cast<char>(number >> 8));
    payload.push_back(static_cast<char>(number & 0xFF));
    payload.append(cut_reason(reason));
  }
  append_frame(out, Opcode::kClose, payload, mask);
}

}  // namespace wskit::websocket
