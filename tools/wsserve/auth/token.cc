#include "wsserve/auth/token.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/algorithm/string/predicate.hpp>
#include <optional>
#include <span>
#include <utility>

#include "common/protocol/json_text.h"
#include "wsserve/auth/base64url.h"
#include "wsserve/auth/claim_set.h"
#include "wsserve/auth/openssl.h"
#include "wsserve/auth/signature.h"

namespace wskit::server::auth {
namespace {

using protocol::Error;
using protocol::ErrorCode;

// What is read of a header. The rest is passed over, whatever values it has.
constexpr std::array<std::string_view, 4> kHeaderFields{"alg", "crit", "kid", "typ"};

Error malformed() { return token_error("malformed", "the token is no signed JSON Web Token"); }

bool is_base64url(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// Three parts, none of them empty: nothing without a signature gets any further.
bool has_form_of_token(std::string_view token) {
  std::size_t dots = 0;
  char before = '.';
  for (const char c : token) {
    if (c == '.' && (before == '.' || ++dots > 2)) return false;
    if (c != '.' && !is_base64url(c)) return false;
    before = c;
  }
  return dots == 2 && before != '.';
}

// What a part of a token holds; nothing: no object.
std::optional<ClaimSet> members_of(std::string_view part, std::span<const std::string_view> names) {
  auto text = decode_base64url(part);
  if (!text) return std::nullopt;
  return ClaimSet::read(std::move(*text), names);
}

struct Header {
  jwt_alg_t algorithm = JWT_ALG_NONE;
  std::optional<std::string> key_id;
};

// A JSON Web Token or an access token (RFC 9068), in either of the forms that media types
// have (RFC 7515 section 4.1.9).
bool is_known_type(std::string_view type) {
  const auto text = text_of(type);
  if (!text) return false;
  std::string_view name = *text;
  if (boost::algorithm::istarts_with(name, "application/")) name.remove_prefix(12);
  return boost::algorithm::iequals(name, "JWT") || boost::algorithm::iequals(name, "at+jwt");
}

protocol::Result<Header> read_header(std::string_view part) {
  const auto members = members_of(part, kHeaderFields);
  if (!members) return malformed();
  const ClaimSet& header = *members;
  // What must be understood would have to be named here (RFC 7515 section 4.1.11).
  if (header.find("crit")) {
    return token_error("malformed", "the token demands an extension that this server does not know (crit)");
  }
  if (const auto type = header.find("typ"); type && !is_known_type(*type)) {
    return token_error("malformed", "the token's typ is neither JWT nor at+jwt");
  }
  // libjwt also knows them in other letters, which RFC 7518 does not.
  const auto name = text_of(header.find("alg").value_or(""));
  Header read;
  if (name) read.algorithm = jwt_str_alg(name->c_str());
  if (read.algorithm == JWT_ALG_NONE || read.algorithm == JWT_ALG_INVAL ||
      *name != jwt_alg_str(read.algorithm)) {
    return token_error("algorithm", "the token is not signed by an algorithm that this server takes");
  }
  if (const auto id = header.find("kid")) {
    read.key_id = text_of(*id);
    if (!read.key_id) return malformed();
  }
  return read;
}

// Those that the token may have been signed with: it never has a say in what its
// algorithm does with which key.
protocol::Result<std::vector<const Key*>> select_keys(const Keys& keys, const Header& header) {
  std::vector<const Key*> selected;
  bool named = !header.key_id.has_value();
  for (const Key& key : keys) {
    if (header.key_id && key.id != *header.key_id) continue;
    named = true;
    if (key.fits(header.algorithm)) selected.push_back(&key);
  }
  if (!named) {
    return token_error("unknown_key", "the token names a key (kid) that this server does not have");
  }
  if (selected.empty()) {
    return token_error("algorithm", "the token's algorithm is not the one of its key");
  }
  return selected;
}

std::optional<Error> check_signature(const Keys& keys, std::string_view token) {
  const auto header = read_header(token.substr(0, token.find('.')));
  if (!header) return header.error();
  const auto selected = select_keys(keys, *header);
  if (!selected) return selected.error();
  const std::size_t dot = token.rfind('.');
  const auto text = token.substr(0, dot);
  const auto signature = token.substr(dot + 1);
  const bool is_right = std::ranges::any_of(
      *selected, [&](const Key* key) { return is_signed_with(*key, header->algorithm, text, signature); });
  if (is_right) return std::nullopt;
  return token_error("signature", "the token's signature is not by a key of this server");
}

// Seconds since 1970 (RFC 7519 "NumericDate"), nothing where the claim is absent.
protocol::Result<std::optional<double>> time_of(const ClaimSet& claims, const char* claim) {
  const auto found = claims.find(claim);
  if (!found) return std::optional<double>();
  const auto seconds = number_of(*found);
  if (!seconds) {
    return token_error("claims", fmt::format("the token's {} is not a number of seconds", claim));
  }
  return seconds;
}

std::optional<Error> check_time(const TokenRules& rules, const ClaimSet& claims,
                                std::chrono::system_clock::time_point now) {
  using Seconds = std::chrono::duration<double>;
  const double seconds = Seconds(now.time_since_epoch()).count();
  const double leeway = Seconds(rules.leeway).count();
  const auto expires = time_of(claims, "exp");
  if (!expires) return expires.error();
  const auto begins = time_of(claims, "nbf");
  if (!begins) return begins.error();
  if (*expires && seconds >= **expires + leeway) return token_error("expired", "the token has expired");
  if (*begins && seconds < **begins - leeway) {
    return token_error("not_yet_valid", "the token is not valid yet");
  }
  return std::nullopt;
}

bool is_one_of(std::optional<std::string> value, const std::vector<std::string>& texts) {
  return value && std::ranges::find(texts, *value) != texts.end();
}

std::optional<Error> check_origin(const TokenRules& rules, const ClaimSet& claims) {
  const auto issuer = claims.find("iss").value_or("");
  if (!rules.issuers.empty()) {
    if (issuer == "null") return token_error("claims", "the token's iss is null, which names nobody");
    if (!is_one_of(text_of(issuer), rules.issuers)) {
      return token_error("issuer", "the token is not by an issuer that this server takes tokens from");
    }
  }
  if (rules.audiences.empty()) return std::nullopt;
  const auto audience = claims.find("aud").value_or("");
  if (audience == "null") return token_error("claims", "the token's aud is null, which names nobody");
  bool meant = is_one_of(text_of(audience), rules.audiences);
  if (audience.starts_with('[')) {
    protocol::JsonScanner scanner(audience);
    for (bool more = scanner.begin_array(); more; more = scanner.next_element()) {
      if (is_one_of(text_of(scanner.value()), rules.audiences)) meant = true;
    }
  }
  if (meant) return std::nullopt;
  return token_error("audience", "the token is meant for another audience than this server");
}

}  // namespace

Error token_error(std::string_view reason, std::string_view sentence) {
  return {ErrorCode::kUnauthorized, std::string(sentence), fmt::format(R"({{"reason":"{}"}})", reason)};
}

protocol::Result<ClaimSet> verify(const TokenRules& rules, std::string_view token,
                                  std::chrono::system_clock::time_point now) {
  if (token.size() > kMaxTokenBytes) {
    return token_error("malformed", fmt::format("the token is longer than {} bytes, which no token has to be",
                                                kMaxTokenBytes));
  }
  if (!has_form_of_token(token)) return malformed();
  const ErrorQueueGuard guard;
  if (auto error = check_signature(rules.keys, token)) return *error;
  const std::size_t dot = token.find('.') + 1;
  auto claims = members_of(token.substr(dot, token.rfind('.') - dot), kClaims);
  if (!claims) return malformed();
  if (auto error = check_time(rules, *claims, now)) return *error;
  if (auto error = check_origin(rules, *claims)) return *error;
  return std::move(*claims);
}

}  // namespace wskit::server::auth
