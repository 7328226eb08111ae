#include "wsserve/auth/public_key.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>

#include <array>
#include <utility>

namespace wskit::server::auth {
namespace {

using protocol::Error;
using protocol::ErrorCode;

constexpr int kMinRsaBits = 2048;

struct NamedCurve {
  std::string_view name;  // as OpenSSL calls it
  jwt_alg_t algorithm;
};
constexpr std::array<NamedCurve, 3> kNamedCurves{
    {{"prime256v1", JWT_ALG_ES256}, {"secp384r1", JWT_ALG_ES384}, {"secp521r1", JWT_ALG_ES512}}};

Error wrong_key(std::string why) { return {ErrorCode::kInternal, std::move(why), {}}; }

protocol::Result<std::vector<jwt_alg_t>> algorithms_of(EVP_PKEY& key) {
  if (EVP_PKEY_get_base_id(&key) == EVP_PKEY_RSA) {
    const int bits = EVP_PKEY_get_bits(&key);
    if (bits >= kMinRsaBits) return std::vector{JWT_ALG_RS256, JWT_ALG_RS384, JWT_ALG_RS512};
    return wrong_key(fmt::format("an RSA key of {} bits is too weak; use {} or more", bits, kMinRsaBits));
  }
  if (EVP_PKEY_get_base_id(&key) != EVP_PKEY_EC) {
    return wrong_key(
        "the key is neither RSA nor of an elliptic curve; there are RS256/384/512 and ES256/384/512");
  }
  std::array<char, 64> name{};
  EVP_PKEY_get_group_name(&key, name.data(), name.size(), nullptr);
  for (const NamedCurve& curve : kNamedCurves) {
    if (curve.name == name.data()) return std::vector{curve.algorithm};
  }
  return wrong_key(fmt::format("the curve {} has no algorithm; use P-256, P-384 or P-521", name.data()));
}

std::string as_pem(EVP_PKEY& key) {
  const BioPtr memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr || PEM_write_bio_PUBKEY(memory.get(), &key) != 1) return {};
  std::string pem(static_cast<std::size_t>(BIO_ctrl_pending(memory.get())), '\0');
  const int read = BIO_read(memory.get(), pem.data(), static_cast<int>(pem.size()));
  pem.resize(read < 0 ? 0 : static_cast<std::size_t>(read));
  return pem;
}

}  // namespace

protocol::Result<Key> to_key(EVP_PKEY& public_key, std::string id) {
  auto algorithms = algorithms_of(public_key);
  if (!algorithms) return algorithms.error();
  EVP_PKEY_up_ref(&public_key);
  Key key{.id = std::move(id),
          .algorithms = std::move(*algorithms),
          .material = as_pem(public_key),
          .public_key = {&public_key, &EVP_PKEY_free}};
  if (key.material.empty()) return wrong_key("OpenSSL cannot write the key down");
  return key;
}

protocol::Result<Key> to_key(std::string secret, std::string id) {
  if (secret.empty()) return wrong_key("the secret is empty");
  return Key{.id = std::move(id),
             .algorithms = {JWT_ALG_HS256, JWT_ALG_HS384, JWT_ALG_HS512},
             .material = std::move(secret),
             .public_key = nullptr};
}

}  // namespace wskit::server::auth
