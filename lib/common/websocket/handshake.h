// The opening handshake of RFC 6455 section 4 as text and values: the key, the
// accept token, and the negotiation of permessage-deflate (RFC 7692 section 5).
//
// Threads: pure functions, but for make_key, which draws from the kernel.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/websocket/deflate.h"

namespace wskit::websocket {

// Whether `key` is the base64 of 16 bytes.
[[nodiscard]] bool is_valid_key(std::string_view key);

// Sec-WebSocket-Accept for a key (section 4.2.2).
[[nodiscard]] std::string accept_token(std::string_view key);

[[nodiscard]] std::string make_key();

// What a server is ready to agree to.
struct DeflatePolicy {
  bool enabled = true;
  bool server_context_takeover = false;  // keep a window per connection, 260 KiB each
  bool client_context_takeover = false;  // let the client keep one, 40 KiB each here
  int max_window_bits = 15;
};

struct DeflateAgreement {
  DeflateParameters parameters;
  std::string response;  // the value of Sec-WebSocket-Extensions
};

// The first offer in the client's Sec-WebSocket-Extensions header(s, joined by
// commas) that the policy can serve; nothing where none can be or the header is
// malformed (an extension that cannot be agreed on is declined, never an error).
[[nodiscard]] std::optional<DeflateAgreement> agree_deflate(std::string_view offers,
                                                            const DeflatePolicy& policy);

// What a client offers, and what it makes of the answer: nothing where the
// answer is not one to that offer, on which the client must fail (section 7.1).
[[nodiscard]] std::string deflate_offer(const DeflateParameters& wish);
[[nodiscard]] std::optional<DeflateParameters> accept_deflate(std::string_view response,
                                                              const DeflateParameters& wish);

}  // namespace wskit::websocket
