#include "common/websocket/handshake.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <span>
#include <stdexcept>

#include "common/websocket/random_bytes.h"

namespace wskit::websocket {

namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kKeyChars = 24;

std::string base64(std::span<const unsigned char> bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock adds a null
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                  static_cast<int>(bytes.size()));
  text.pop_back();
  return text;
}

bool is_base64(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+' || c == '/';
}

}  // namespace

bool is_valid_key(std::string_view key) {
  if (key.size() != kKeyChars || !key.ends_with("==")) return false;
  key.remove_suffix(2);
  for (const char c : key) {
    if (!is_base64(c)) return false;
  }
  // The last character carries 2 bits of the 16 bytes; its other 4 are 0.
  return std::string_view("AQgw").find(key.back()) != std::string_view::npos;
}

std::string accept_token(std::string_view key) {
  std::string text(key);
  text += kGuid;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int bytes = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &bytes, EVP_sha1(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL has no SHA-1, which the WebSocket handshake needs");
  }
  return base64({digest.data(), bytes});
}

std::string make_key() {
  std::array<std::uint8_t, kKeyBytes> bytes;
  fill_with_random(bytes);
  return base64(bytes);
}

}  // namespace wskit::websocket
