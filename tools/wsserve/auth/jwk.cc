#include "wsserve/auth/jwk.h"

#include <fmt/format.h>
#include <openssl/core_names.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/protocol/quote.h"
#include "wsserve/auth/base64url.h"
#include "wsserve/auth/public_key.h"

namespace wskit::server::auth {
namespace {

using nlohmann::json;
using protocol::Error;
using protocol::ErrorCode;

Error bad_jwk(std::string why) { return {ErrorCode::kInternal, std::move(why), {}}; }

std::string text(const json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

BignumPtr number(const json& key, const char* member) {
  const auto bytes = decode_base64url(text(key, member));
  if (!bytes || bytes->empty()) return nullptr;
  return BignumPtr(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes->data()),
                             static_cast<int>(bytes->size()), nullptr));
}

PkeyPtr make_key(const char* type, OSSL_PARAM_BLD* builder) {
  const ParamsPtr params(OSSL_PARAM_BLD_to_param(builder));
  const PkeyContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1) return nullptr;
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) return nullptr;
  return PkeyPtr(key);
}

PkeyPtr rsa_key(const json& key) {
  const BignumPtr modulus = number(key, "n");
  const BignumPtr exponent = number(key, "e");
  const ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  if (modulus == nullptr || exponent == nullptr || builder == nullptr) return nullptr;
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  return make_key("RSA", builder.get());
}

struct Curve {
  std::string_view name;
  const char* group;
  std::size_t bytes;  // of a coordinate
};
constexpr std::array<Curve, 3> kCurves{
    {{"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66}}};

PkeyPtr ec_key(const json& key, const Curve& curve) {
  const auto x = decode_base64url(text(key, "x"));
  const auto y = decode_base64url(text(key, "y"));
  if (!x || !y || x->size() != curve.bytes || y->size() != curve.bytes) return nullptr;
  const std::string point = '\x04' + *x + *y;  // uncompressed (SEC 1)
  const ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr) return nullptr;
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group, 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  return make_key("EC", builder.get());
}

// Nothing: not for what it is needed for here.
std::optional<protocol::Result<Key>> parse_key(const json& key) {
  if (const std::string use = text(key, "use"); !use.empty() && use != "sig") return std::nullopt;
  const std::string type = text(key, "kty");
  const std::string id = text(key, "kid");
  if (type == "oct") {
    auto secret = decode_base64url(text(key, "k"));
    if (!secret) return bad_jwk("k is not base64url");
    return to_key(std::move(*secret), id);
  }
  if (type != "RSA" && type != "EC") return std::nullopt;
  if (key.contains("d")) return bad_jwk("it is a private key; give the server the public one");
  PkeyPtr made;
  if (type == "RSA") {
    made = rsa_key(key);
  } else {
    const auto* const curve = std::ranges::find(kCurves, text(key, "crv"), &Curve::name);
    if (curve == kCurves.end()) return std::nullopt;
    made = ec_key(key, *curve);
  }
  if (made == nullptr)
    return bad_jwk(type == "RSA" ? "n and e are no RSA key" : "x and y are no point of crv");
  return to_key(*made, id);
}

// To the algorithm that the key itself names. False: it is for another one.
bool narrow(Key& key, const std::string& algorithm) {
  if (algorithm.empty()) return true;
  const jwt_alg_t named = jwt_str_alg(algorithm.c_str());
  if (!key.fits(named)) return false;
  key.algorithms = {named};
  return true;
}

}  // namespace

protocol::Result<Keys> parse_jwks(std::string_view source) {
  const ErrorQueueGuard guard;
  const json document = json::parse(source, nullptr, false);
  const bool is_set = document.is_object() && document.contains("keys");
  const json keys = is_set ? document["keys"] : json::array({document});
  if (!document.is_object() || !keys.is_array()) return bad_jwk("it is no JSON Web Key (Set)");
  Keys parsed;
  for (const json& item : keys) {
    if (!item.is_object()) return bad_jwk("its keys are not all objects");
    auto key = parse_key(item);
    if (!key) continue;
    if (!*key)
      return bad_jwk(fmt::format("key {}: {}", protocol::quote(text(item, "kid")), key->error().message));
    if (narrow(**key, text(item, "alg"))) parsed.push_back(std::move(**key));
  }
  if (parsed.empty()) {
    return bad_jwk("it has no key for signatures by HS256/384/512, RS256/384/512 or ES256/384/512");
  }
  return parsed;
}

}  // namespace wskit::server::auth
