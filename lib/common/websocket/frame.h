// RFC 6455 section 5.2: the header of one frame, and masking.
//
// Threads: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace wskit::websocket {

enum class Opcode : std::uint8_t {
  kContinuation = 0x0,
  kText = 0x1,
  kBinary = 0x2,
  kClose = 0x8,
  kPing = 0x9,
  kPong = 0xA,
};

enum class Role : std::uint8_t { kServer, kClient };

using Mask = std::array<std::uint8_t, 4>;

inline constexpr std::size_t kMaxHeaderBytes = 14;
inline constexpr std::size_t kMaxControlPayload = 125;

struct FrameHeader {
  Opcode opcode = Opcode::kText;
  std::uint64_t payload_bytes = 0;
  bool fin = true;
  bool compressed = false;     // RSV1, RFC 7692
  const Mask* mask = nullptr;  // a client's frames have one, a server's none
};

// The bytes of the header: 2, 4 or 10, and 4 more for a mask.
[[nodiscard]] std::size_t header_size(const FrameHeader& header);

// Writes the header at `out` and returns its end. REQUIRES: header_size() bytes.
char* write_header(const FrameHeader& header, char* out);

// XORs `bytes` in place; `position` is the offset of bytes[0] in the payload.
// Says whether what came out is ASCII, and so UTF-8: whoever unmasks a text has
// to look at all of it anyway.
bool apply_mask(std::span<char> bytes, const Mask& mask, std::uint64_t position = 0);

// Masks for a client's frames, unpredictable to others (RFC 6455 section 10.3):
// drawn from the kernel's generator, many at a time. One thread.
class MaskSource {
 public:
  [[nodiscard]] Mask next();

 private:
  std::array<std::uint8_t, 1024> pool_{};
  std::size_t used_ = sizeof(pool_);
};

}  // namespace wskit::websocket
