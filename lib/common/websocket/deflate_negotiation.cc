// The half of handshake.h that is RFC 7692 section 7.1.
#include <algorithm>
#include <optional>
#include <string>

#include "common/websocket/extension_list.h"
#include "common/websocket/handshake.h"

namespace wskit::websocket {

namespace {

constexpr std::string_view kName = "permessage-deflate";
constexpr std::string_view kServerNoTakeover = "server_no_context_takeover";
constexpr std::string_view kClientNoTakeover = "client_no_context_takeover";
constexpr std::string_view kServerBits = "server_max_window_bits";
constexpr std::string_view kClientBits = "client_max_window_bits";

constexpr int kMinBits = 8;  // on the wire
constexpr int kMinOwnBits = 9;
constexpr int kMaxBits = 15;

// The parameters as they stand in one element of the header.
struct Terms {
  struct Bits {
    bool present = false;
    std::optional<int> value;
  };
  bool server_no_takeover = false;
  bool client_no_takeover = false;
  Bits server_bits;
  Bits client_bits;
};

// 8 to 15 without leading zeros.
std::optional<int> parse_bits(std::string_view text) {
  if (text == "8") return 8;
  if (text == "9") return 9;
  if (text.size() == 2 && text[0] == '1' && text[1] >= '0' && text[1] <= '5') return 10 + (text[1] - '0');
  return std::nullopt;
}

bool read_flag(const ExtensionParameter& parameter, bool& flag) {
  if (flag || parameter.value) return false;
  flag = true;
  return true;
}

bool read_bits(const ExtensionParameter& parameter, Terms::Bits& bits) {
  if (bits.present) return false;
  bits.present = true;
  if (!parameter.value) return true;
  bits.value = parse_bits(*parameter.value);
  return bits.value.has_value();
}

// Nothing where a parameter is unknown, repeated or has a value it must not have.
std::optional<Terms> read_terms(const Extension& extension) {
  Terms terms;
  for (const ExtensionParameter& parameter : extension.parameters) {
    bool good = false;
    if (parameter.name == kServerNoTakeover) good = read_flag(parameter, terms.server_no_takeover);
    if (parameter.name == kClientNoTakeover) good = read_flag(parameter, terms.client_no_takeover);
    if (parameter.name == kServerBits) good = read_bits(parameter, terms.server_bits);
    if (parameter.name == kClientBits) good = read_bits(parameter, terms.client_bits);
    if (!good) return std::nullopt;
  }
  if (terms.server_bits.present && !terms.server_bits.value) return std::nullopt;
  return terms;
}

void append_flag(std::string& to, std::string_view name, bool set) {
  if (set) to.append("; ").append(name);
}

void append_bits(std::string& to, std::string_view name, int bits) {
  to.append("; ").append(name).append("=").append(std::to_string(bits));
}

std::optional<DeflateAgreement> agree(const Terms& offer, const DeflatePolicy& policy) {
  const int max_bits = std::clamp(policy.max_window_bits, kMinOwnBits, kMaxBits);
  DeflateAgreement agreement;
  DeflateParameters& agreed = agreement.parameters;
  agreed.server_no_context_takeover = offer.server_no_takeover || !policy.server_context_takeover;
  agreed.client_no_context_takeover = offer.client_no_takeover || !policy.client_context_takeover;

  agreed.server_max_window_bits = std::min(offer.server_bits.value.value_or(kMaxBits), max_bits);
  if (agreed.server_max_window_bits < kMinOwnBits) return std::nullopt;

  // A client that did not offer the parameter cannot be asked for a smaller
  // window, and 8 needs no asking: 9 bits here can read it.
  if (offer.client_bits.present) {
    agreed.client_max_window_bits =
        std::max(std::min(offer.client_bits.value.value_or(kMaxBits), max_bits), kMinOwnBits);
  }

  std::string& response = agreement.response;
  response = kName;
  append_flag(response, kServerNoTakeover, agreed.server_no_context_takeover);
  append_flag(response, kClientNoTakeover, agreed.client_no_context_takeover);
  // An offer that has it is accepted by saying it again, also where it limits nothing
  // (RFC 7692 section 7.1.2.1).
  if (offer.server_bits.present || agreed.server_max_window_bits < kMaxBits) {
    append_bits(response, kServerBits, agreed.server_max_window_bits);
  }
  if (agreed.client_max_window_bits < kMaxBits && offer.client_bits.value != kMinBits) {
    append_bits(response, kClientBits, agreed.client_max_window_bits);
  }
  return agreement;
}

}  // namespace

std::optional<DeflateAgreement> agree_deflate(std::string_view offers, const DeflatePolicy& policy) {
  if (!policy.enabled) return std::nullopt;
  const auto extensions = parse_extensions(offers);
  if (!extensions) return std::nullopt;
  for (const Extension& extension : *extensions) {
    if (extension.name != kName) continue;
    const std::optional<Terms> offer = read_terms(extension);
    if (!offer) continue;
    if (auto agreement = agree(*offer, policy)) return agreement;
  }
  return std::nullopt;
}

std::string deflate_offer(const DeflateParameters& wish) {
  std::string offer(kName);
  append_flag(offer, kServerNoTakeover, wish.server_no_context_takeover);
  append_flag(offer, kClientNoTakeover, wish.client_no_context_takeover);
  if (wish.server_max_window_bits < kMaxBits) append_bits(offer, kServerBits, wish.server_max_window_bits);
  if (wish.client_max_window_bits < kMaxBits) {
    append_bits(offer, kClientBits, wish.client_max_window_bits);
  } else {
    append_flag(offer, kClientBits, true);
  }
  return offer;
}

std::optional<DeflateParameters> accept_deflate(std::string_view response, const DeflateParameters& wish) {
  const auto extensions = parse_extensions(response);
  if (!extensions || extensions->size() != 1 || extensions->front().name != kName) return std::nullopt;
  const std::optional<Terms> answer = read_terms(extensions->front());
  if (!answer || (answer->client_bits.present && !answer->client_bits.value)) return std::nullopt;

  // A wish for the server's side is granted by repeating it, or not at all.
  if (wish.server_no_context_takeover && !answer->server_no_takeover) return std::nullopt;
  const int server_bits = answer->server_bits.value.value_or(kMaxBits);
  if (server_bits > wish.server_max_window_bits) return std::nullopt;

  const int client_bits = answer->client_bits.value.value_or(wish.client_max_window_bits);
  if (client_bits > wish.client_max_window_bits || client_bits < kMinOwnBits) return std::nullopt;

  return DeflateParameters{
      .server_no_context_takeover = answer->server_no_takeover,
      .client_no_context_takeover = answer->client_no_takeover || wish.client_no_context_takeover,
      .server_max_window_bits = std::max(server_bits, kMinOwnBits),
      .client_max_window_bits = client_bits,
  };
}

}  // namespace wskit::websocket
