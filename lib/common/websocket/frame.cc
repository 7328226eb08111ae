#include "common/websocket/frame.h"

#include <bit>
#include <cstring>

#include "common/websocket/random_bytes.h"
#include "common/websocket/text_word.h"

namespace wskit::websocket {

namespace {

constexpr std::uint8_t kFin = 0x80;
constexpr std::uint8_t kRsv1 = 0x40;
constexpr std::uint8_t kMasked = 0x80;

// Big-endian, as lengths are on the wire.
char* write_number(std::uint64_t value, int bytes, char* out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) *out++ = static_cast<char>(value >> shift);
  return out;
}

// Unmasks the word at `at`, which is also returned.
std::uint64_t mask_word(char* at, std::uint64_t mask) {
  const std::uint64_t word = load_word(at) ^ mask;
  store_word(word, at);
  return word;
}

}  // namespace

std::size_t header_size(const FrameHeader& header) {
  const std::size_t length_bytes = header.payload_bytes <= kMaxControlPayload ? 0
                                   : header.payload_bytes <= 0xFFFF           ? 2
                                                                              : 8;
  return 2 + length_bytes + (header.mask ? 4 : 0);
}

char* write_header(const FrameHeader& header, char* out) {
  *out++ = static_cast<char>((header.fin ? kFin : 0) | (header.compressed ? kRsv1 : 0) |
                             static_cast<std::uint8_t>(header.opcode));
  const std::uint8_t masked = header.mask ? kMasked : 0;
  if (header.payload_bytes <= kMaxControlPayload) {
    *out++ = static_cast<char>(masked | header.payload_bytes);
  } else if (header.payload_bytes <= 0xFFFF) {
    *out++ = static_cast<char>(masked | 126);
    out = write_number(header.payload_bytes, 2, out);
  } else {
    *out++ = static_cast<char>(masked | 127);
    out = write_number(header.payload_bytes, 8, out);
  }
  if (header.mask) {
    std::memcpy(out, header.mask->data(), header.mask->size());
    out += header.mask->size();
  }
  return out;
}

bool apply_mask(std::span<char> bytes, const Mask& mask, std::uint64_t position) {
  static_assert(std::endian::native == std::endian::little);
  const std::uint32_t mask32 =
      std::rotr(std::bit_cast<std::uint32_t>(mask), static_cast<int>(position % 4) * 8);
  std::uint64_t mask64 = std::uint64_t{mask32} << 32 | mask32;

  char* at = bytes.data();
  char* const end = at + bytes.size();
  std::uint64_t seen = 0;
  if (bytes.size() < 8) {
    for (; at != end; ++at, mask64 >>= 8) {
      *at = static_cast<char>(*at ^ static_cast<char>(mask64));
      seen |= static_cast<std::uint8_t>(*at);
    }
    return (seen & kHighBits) == 0;
  }
  // The last 8 bytes overlap the words before: read before those are changed
  // and written after, they need no loop over single bytes.
  const std::uint64_t last = load_word(end - 8) ^ std::rotr(mask64, static_cast<int>(bytes.size() % 4) * 8);
  for (; end - at >= 32; at += 32) {
    for (std::size_t word = 0; word < 32; word += 8) seen |= mask_word(at + word, mask64);
  }
  for (; end - at >= 8; at += 8) seen |= mask_word(at, mask64);
  store_word(last, end - 8);
  return ((seen | last) & kHighBits) == 0;
}

Mask MaskSource::next() {
  Mask mask;
  if (used_ + mask.size() > pool_.size()) {
    fill_with_random(pool_);
    used_ = 0;
  }
  std::memcpy(mask.data(), pool_.data() + used_, mask.size());
  used_ += mask.size();
  return mask;
}

}  // namespace wskit::websocket
