#include "token_forge.h"

#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <memory>
#include <stdexcept>

namespace wskit::server::auth {
namespace {

std::string contents(BIO& memory) {
  std::string text(BIO_ctrl_pending(&memory), '\0');
  BIO_read(&memory, text.data(), static_cast<int>(text.size()));
  return text;
}

KeyPair to_pair(const PkeyPtr& key) {
  if (key == nullptr) throw std::runtime_error("OpenSSL made no key");
  const BioPtr secret(BIO_new(BIO_s_mem()));
  const BioPtr open(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  PEM_write_bio_PUBKEY(open.get(), key.get());
  return {.private_pem = contents(*secret), .public_pem = contents(*open)};
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

KeyPair make_rsa_pair(unsigned bits) { return to_pair(PkeyPtr(EVP_RSA_gen(bits))); }

KeyPair make_ec_pair(const char* curve) { return to_pair(PkeyPtr(EVP_EC_gen(curve))); }

std::string sign(const nlohmann::json& claims, jwt_alg_t algorithm, const std::string& key,
                 const nlohmann::json& more_header) {
  jwt_t* made = nullptr;
  jwt_new(&made);
  const std::unique_ptr<jwt_t, FreeWith<jwt_free>> token(made);
  jwt_add_grants_json(made, claims.dump().c_str());
  jwt_add_headers_json(made, more_header.dump().c_str());
  if (jwt_set_alg(made, algorithm, bytes_of(key), static_cast<int>(key.size())) != 0) {
    throw std::runtime_error("libjwt does not take the key");
  }
  const std::unique_ptr<char, FreeWith<std::free>> text(jwt_encode_str(made));
  if (text == nullptr) throw std::runtime_error("libjwt does not sign");
  return text.get();
}

std::string base64url(std::string_view bytes) {
  std::string text(bytes.size() * 2 + 4, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes_of(bytes),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return text;
}

std::string forge(std::string_view header, std::string_view payload, const std::string& secret) {
  const std::string signed_part = base64url(header) + "." + base64url(payload);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes_of(signed_part),
       signed_part.size(), digest.data(), &length);
  return signed_part + "." + base64url({reinterpret_cast<const char*>(digest.data()), length});
}

}  // namespace wskit::server::auth
