#include "transcript.h"

#include <algorithm>
#include <memory>
#include <numeric>

namespace wskit::websocket {

namespace {

constexpr std::array<std::uint8_t, 4> kMask{0x37, 0xFA, 0x21, 0x3D};

void append_number(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
}

std::string header(std::uint8_t first, std::uint64_t payload_bytes, bool masked) {
  std::string out(1, static_cast<char>(first));
  const std::uint64_t mask_bit = masked ? 0x80 : 0;
  if (payload_bytes < 126) {
    append_number(out, mask_bit | payload_bytes, 1);
  } else if (payload_bytes < 65536) {
    append_number(out, mask_bit | 126, 1);
    append_number(out, payload_bytes, 2);
  } else {
    append_number(out, mask_bit | 127, 1);
    append_number(out, payload_bytes, 8);
  }
  if (masked) out.append(kMask.begin(), kMask.end());
  return out;
}

std::string text(std::span<const char> bytes) { return {bytes.begin(), bytes.end()}; }

std::string code_and_reason(const MessageReader::Item& item) {
  return std::to_string(static_cast<int>(item.code)) + ":" + std::string(item.reason);
}

}  // namespace

std::string client_header(std::uint8_t first, std::uint64_t payload_bytes) {
  return header(first, payload_bytes, true);
}

std::string client_frame(std::uint8_t first, std::string_view payload) {
  std::string out = client_header(first, payload.size());
  for (std::size_t i = 0; i < payload.size(); ++i)
    out.push_back(static_cast<char>(payload[i] ^ kMask[i % 4]));
  return out;
}

std::string server_frame(std::uint8_t first, std::string_view payload) {
  return header(first, payload.size(), false).append(payload);
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
  std::string out;
  append_number(out, code, 2);
  return out.append(reason);
}

std::string describe(const MessageReader::Item& item) {
  using Kind = MessageReader::Kind;
  switch (item.kind) {
    case Kind::kNeedMore:
      return "more";
    case Kind::kMessage:
      return (item.opcode == Opcode::kText ? "text:" : "binary:") + text(item.payload);
    case Kind::kPing:
      return "ping:" + text(item.payload);
    case Kind::kPong:
      return "pong:" + text(item.payload);
    case Kind::kClose:
      return "close:" + code_and_reason(item);
    case Kind::kViolation:
      return "violation:" + code_and_reason(item);
  }
  return "unknown";
}

std::vector<std::string> transcript(MessageReader& reader, std::string_view stream,
                                    std::span<const std::size_t> cuts) {
  std::vector<std::string> items;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : stream.size();
    const std::size_t bytes = end - start;
    const auto piece = std::make_unique<char[]>(bytes);
    std::copy_n(stream.data() + start, bytes, piece.get());
    start = end;
    reader.feed({piece.get(), bytes});
    for (;;) {
      const MessageReader::Item item = reader.next();
      if (item.kind == MessageReader::Kind::kNeedMore) break;
      items.push_back(describe(item));
    }
  }
  return items;
}

std::vector<std::string> transcript_bytewise(MessageReader& reader, std::string_view stream) {
  std::vector<std::size_t> cuts(stream.empty() ? 0 : stream.size() - 1);
  std::iota(cuts.begin(), cuts.end(), std::size_t{1});
  return transcript(reader, stream, cuts);
}

}  // namespace wskit::websocket
