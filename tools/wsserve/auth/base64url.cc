#include "wsserve/auth/base64url.h"

#include <cstdint>

namespace wskit::server::auth {

std::optional<std::string> decode_base64url(std::string_view encoded) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string bytes;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : encoded) {
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>((bits >> count) & 0xFFU);
  }
  const bool has_rest = (bits & ((1U << count) - 1)) != 0;
  return encoded.size() % 4 == 1 || has_rest ? std::nullopt : std::optional(bytes);
}

}  // namespace wskit::server::auth
