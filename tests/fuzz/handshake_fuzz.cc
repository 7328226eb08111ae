// The header values of the opening handshake: one byte of settings, then a value
// of Sec-WebSocket-Extensions or Sec-WebSocket-Key.
#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "claim.h"
#include "common/websocket/extension_list.h"
#include "common/websocket/handshake.h"

namespace {

using namespace wskit::websocket;  // NOLINT(google-build-using-namespace): a program of its own
using wskit::fuzz::claim;

// OpenSSL's decoder and encoder as a second opinion.
bool model_is_key(std::string_view text) {
  if (text.size() != 24 || text.find_first_of(" \t\r\n\v\f-") != std::string_view::npos) return false;
  std::array<unsigned char, 18> bytes{};
  const auto* const in = reinterpret_cast<const unsigned char*>(text.data());
  if (EVP_DecodeBlock(bytes.data(), in, 24) != 18) return false;
  std::array<unsigned char, 25> again{};
  EVP_EncodeBlock(again.data(), bytes.data(), 16);
  return text == std::string_view(reinterpret_cast<const char*>(again.data()), 24);
}

bool is_window(int bits) { return bits >= 9 && bits <= 15; }

void check_parameters(const DeflateParameters& parameters) {
  claim(is_window(parameters.server_max_window_bits), "the server's window is one that zlib can write");
  claim(is_window(parameters.client_max_window_bits), "the client's window is one that zlib can write");
}

void check_agreement(std::string_view offers, const DeflatePolicy& policy) {
  const auto agreement = agree_deflate(offers, policy);
  if (!agreement) return;
  const DeflateParameters& agreed = agreement->parameters;
  check_parameters(agreed);
  claim(parse_extensions(offers).has_value(), "only a header of the grammar is answered");
  claim(offers.find("permessage-deflate") != std::string_view::npos, "only what was offered is agreed on");
  claim(policy.server_context_takeover || agreed.server_no_context_takeover, "the policy is kept");
  claim(policy.client_context_takeover || agreed.client_no_context_takeover, "on the client's side too");
  claim(agreed.server_max_window_bits <= policy.max_window_bits, "so is its window");

  const std::string& response = agreement->response;
  const bool sets_client_window = response.find("client_max_window_bits") != std::string::npos;
  claim(!sets_client_window || offers.find("client_max_window_bits") != std::string_view::npos,
        "a client's window is set only where that was offered");
  const auto read_back = accept_deflate(response, {});
  claim(read_back.has_value(), "the response is an answer");
  claim(read_back->server_no_context_takeover == agreed.server_no_context_takeover &&
            read_back->client_no_context_takeover == agreed.client_no_context_takeover &&
            read_back->server_max_window_bits == agreed.server_max_window_bits,
        "the response says what was agreed on");
  claim(read_back->client_max_window_bits >= agreed.client_max_window_bits, "and hides no smaller window");
}

void check_acceptance(std::string_view response, const DeflateParameters& wish) {
  const auto accepted = accept_deflate(response, wish);
  if (!accepted) return;
  check_parameters(*accepted);
  claim(accepted->server_max_window_bits <= wish.server_max_window_bits, "the server keeps the wish");
  claim(accepted->client_max_window_bits <= wish.client_max_window_bits, "the client's window is no larger");
  claim(accepted->server_no_context_takeover || !wish.server_no_context_takeover, "takeover is as wished");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 1) return 0;
  const std::uint8_t flags = bytes[0];
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  const int window = 9 + flags / 4 % 7;
  const bool first = (flags & 1) != 0;
  const bool second = (flags & 2) != 0;
  check_agreement(
      text, {.server_context_takeover = first, .client_context_takeover = second, .max_window_bits = window});
  check_acceptance(text, {.server_no_context_takeover = first,
                          .client_no_context_takeover = second,
                          .server_max_window_bits = window,
                          .client_max_window_bits = window});
  claim(is_valid_key(text) == model_is_key(text), "a key is the base64 of 16 bytes");
  claim(accept_token(text).size() == 28, "a token is the base64 of 20 bytes");
  return 0;
}
