#include "wsserve/auth/token.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "wsserve/auth/openssl.h"
#include "wsserve/auth/signature.h"

namespace wskit::server::auth {
namespace {

using nlohmann::json;
using protocol::Error;
using protocol::ErrorCode;

using JwtPtr = std::unique_ptr<jwt_t, FreeWith<jwt_free>>;
using TextPtr = std::unique_ptr<char, FreeWith<std::free>>;

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

// Without a key libjwt checks no signature.
JwtPtr decode(const std::string& token) {
  jwt_t* decoded = nullptr;
  return JwtPtr(jwt_decode(&decoded, token.c_str(), nullptr, 0) == 0 ? decoded : nullptr);
}

struct Header {
  jwt_alg_t algorithm = JWT_ALG_NONE;
  std::optional<std::string> key_id;
};

protocol::Result<Header> read_header(jwt_t& token) {
  const TextPtr text(jwt_get_headers_json(&token, nullptr));
  const json header = text == nullptr ? json() : json::parse(text.get(), nullptr, false);
  if (!header.is_object()) return malformed();
  // What must be understood would have to be named here (RFC 7515 section 4.1.11).
  if (header.contains("crit")) {
    return token_error("malformed", "the token demands an extension that this server does not know (crit)");
  }
  // libjwt has forgotten which one it was, for it had no key; and it also knows them
  // in other letters, which RFC 7518 does not.
  const json name = header.value("alg", json());
  Header read;
  if (name.is_string()) read.algorithm = jwt_str_alg(name.get_ref<const std::string&>().c_str());
  if (read.algorithm == JWT_ALG_NONE || read.algorithm == JWT_ALG_INVAL ||
      name != jwt_alg_str(read.algorithm)) {
    return token_error("algorithm", "the token is not signed by an algorithm that this server takes");
  }
  if (const auto id = header.find("kid"); id != header.end()) {
    if (!id->is_string()) return malformed();
    read.key_id = id->get<std::string>();
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

protocol::Result<JwtPtr> check_signature(const Keys& keys, const std::string& token) {
  JwtPtr decoded = decode(token);
  if (decoded == nullptr) return malformed();
  const auto header = read_header(*decoded);
  if (!header) return header.error();
  const auto selected = select_keys(keys, *header);
  if (!selected) return selected.error();
  const std::size_t dot = token.rfind('.');
  const auto text = std::string_view(token).substr(0, dot);
  const auto signature = std::string_view(token).substr(dot + 1);
  const bool is_right = std::ranges::any_of(
      *selected, [&](const Key* key) { return is_signed_with(*key, header->algorithm, text, signature); });
  if (is_right) return decoded;
  return token_error("signature", "the token's signature is not by a key of this server");
}

// Seconds since 1970 (RFC 7519 "NumericDate"), nothing where the claim is absent.
protocol::Result<std::optional<double>> time_of(const json& claims, const char* claim) {
  const auto found = claims.find(claim);
  if (found == claims.end()) return std::optional<double>();
  if (!found->is_number()) {
    return token_error("malformed", fmt::format("the token's {} is not a number of seconds", claim));
  }
  return std::optional(found->get<double>());
}

std::optional<Error> check_time(const TokenRules& rules, const json& claims,
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

bool is_one_of(const json& value, const std::vector<std::string>& texts) {
  return value.is_string() && std::ranges::find(texts, value.get_ref<const std::string&>()) != texts.end();
}

std::optional<Error> check_origin(const TokenRules& rules, const json& claims) {
  if (!rules.issuers.empty() && !is_one_of(claims.value("iss", json()), rules.issuers)) {
    return token_error("issuer", "the token is not by an issuer that this server takes tokens from");
  }
  if (rules.audiences.empty()) return std::nullopt;
  const json audience = claims.value("aud", json());
  const bool meant =
      audience.is_array()
          ? std::ranges::any_of(audience, [&](const json& one) { return is_one_of(one, rules.audiences); })
          : is_one_of(audience, rules.audiences);
  if (meant) return std::nullopt;
  return token_error("audience", "the token is meant for another audience than this server");
}

}  // namespace

Error token_error(std::string_view reason, std::string_view sentence) {
  return {ErrorCode::kUnauthorized, std::string(sentence), fmt::format(R"({{"reason":"{}"}})", reason)};
}

protocol::Result<json> verify(const TokenRules& rules, std::string_view token,
                              std::chrono::system_clock::time_point now) {
  if (token.size() > kMaxTokenBytes) {
    return token_error("malformed", fmt::format("the token is longer than {} bytes, which no token has to be",
                                                kMaxTokenBytes));
  }
  if (!has_form_of_token(token)) return malformed();
  const ErrorQueueGuard guard;
  const auto checked = check_signature(rules.keys, std::string(token));
  if (!checked) return checked.error();
  const TextPtr text(jwt_get_grants_json(checked->get(), nullptr));
  json claims = text == nullptr ? json() : json::parse(text.get(), nullptr, false);
  if (!claims.is_object()) return malformed();
  if (auto error = check_time(rules, claims, now)) return *error;
  if (auto error = check_origin(rules, claims)) return *error;
  // As it is: JSON would turn itself into anything.
  return protocol::Result<json>(boost::system::in_place_value, std::move(claims));
}

}  // namespace wskit::server::auth
