#include "wsserve/auth/signature.h"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>

#include <array>

#include "wsserve/auth/base64url.h"
#include "wsserve/auth/openssl.h"

namespace wskit::server::auth {
namespace {

using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using EcdsaPtr = std::unique_ptr<ECDSA_SIG, FreeWith<ECDSA_SIG_free>>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

const EVP_MD* digest_of(jwt_alg_t algorithm) {
  switch (algorithm) {
    case JWT_ALG_HS256:
    case JWT_ALG_RS256:
    case JWT_ALG_ES256:
      return EVP_sha256();
    case JWT_ALG_HS384:
    case JWT_ALG_RS384:
    case JWT_ALG_ES384:
      return EVP_sha384();
    case JWT_ALG_HS512:
    case JWT_ALG_RS512:
    case JWT_ALG_ES512:
      return EVP_sha512();
    default:
      return nullptr;
  }
}

bool has_mac(std::string_view secret, const EVP_MD* digest, std::string_view text, std::string_view mac) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> right{};
  unsigned size = 0;
  if (HMAC(digest, secret.data(), static_cast<int>(secret.size()), bytes_of(text), text.size(), right.data(),
           &size) == nullptr) {
    return false;
  }
  return mac.size() == size && CRYPTO_memcmp(mac.data(), right.data(), size) == 0;
}

// Two numbers, one behind the other and each as long as the curve's (RFC 7518 section
// 3.4), the way OpenSSL takes them; empty: they are none.
std::string as_der(std::string_view numbers, EVP_PKEY& key) {
  const auto size = static_cast<std::size_t>((EVP_PKEY_get_bits(&key) + 7) / 8);
  if (numbers.size() != 2 * size) return {};
  BignumPtr r(BN_bin2bn(bytes_of(numbers), static_cast<int>(size), nullptr));
  BignumPtr s(BN_bin2bn(bytes_of(numbers.substr(size)), static_cast<int>(size), nullptr));
  const EcdsaPtr signature(ECDSA_SIG_new());
  if (r == nullptr || s == nullptr || signature == nullptr) return {};
  ECDSA_SIG_set0(signature.get(), r.release(), s.release());
  const int length = i2d_ECDSA_SIG(signature.get(), nullptr);
  if (length <= 0) return {};
  std::string der(static_cast<std::size_t>(length), '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  i2d_ECDSA_SIG(signature.get(), &out);
  return der;
}

bool is_verified(EVP_PKEY& key, const EVP_MD* digest, std::string_view text, std::string_view signature) {
  const DigestContextPtr context(EVP_MD_CTX_new());
  return context != nullptr && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, &key) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text),
                          text.size()) == 1;
}

}  // namespace

bool is_signed_with(const Key& key, jwt_alg_t algorithm, std::string_view text, std::string_view signature) {
  const EVP_MD* digest = digest_of(algorithm);
  const auto decoded = decode_base64url(signature);
  if (digest == nullptr || !decoded) return false;
  if (key.public_key == nullptr) return has_mac(key.material, digest, text, *decoded);
  EVP_PKEY& public_key = *key.public_key;
  if (EVP_PKEY_get_base_id(&public_key) != EVP_PKEY_EC)
    return is_verified(public_key, digest, text, *decoded);
  const std::string der = as_der(*decoded, public_key);
  return !der.empty() && is_verified(public_key, digest, text, der);
}

}  // namespace wskit::server::auth
