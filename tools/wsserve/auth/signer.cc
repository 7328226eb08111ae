#include "wsserve/auth/signer.h"

#include <fmt/format.h>
#include <openssl/pem.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "wsserve/auth/openssl.h"
#include "wsserve/auth/public_key.h"

namespace wskit::server::auth {
namespace {

using protocol::Error;
using protocol::ErrorCode;

using JwtPtr = std::unique_ptr<jwt_t, FreeWith<jwt_free>>;
using TextPtr = std::unique_ptr<char, FreeWith<std::free>>;

Error bad_signing_key(const std::string& path, std::string_view why) {
  return {ErrorCode::kInternal, fmt::format("{}: {}", path, why), {}};
}

PkeyPtr read_private_pem(const std::string& content) {
  const BioPtr memory(BIO_new_mem_buf(content.data(), static_cast<int>(content.size())));
  if (memory == nullptr) return nullptr;
  const auto refuse = [](char*, int, int, void*) { return -1; };
  return PkeyPtr(PEM_read_bio_PrivateKey(memory.get(), nullptr, refuse, nullptr));
}

}  // namespace

protocol::Result<LoadedSigningKey> load_signing_secret(const KeyFile& file) {
  auto loaded = load_secret(file);
  if (!loaded) return loaded.error();
  Key& key = loaded->keys.front();
  return LoadedSigningKey{
      .key = {.id = std::move(key.id), .algorithms = key.algorithms, .material = std::move(key.material)},
      .warnings = std::move(loaded->warnings)};
}

protocol::Result<LoadedSigningKey> load_private_key(const KeyFile& file) {
  const ErrorQueueGuard guard;
  auto content = read_key_file(file.path);
  if (!content) return content.error();
  const PkeyPtr read = read_private_pem(*content);
  if (read == nullptr) {
    return bad_signing_key(file.path,
                           "is no private key in PEM without a pass phrase (openssl genpkey -algorithm EC "
                           "-pkeyopt ec_paramgen_curve:P-256); a secret goes to --jwt-secret-file");
  }
  auto checked = to_key(*read, file.id);
  if (!checked) return bad_signing_key(file.path, checked.error().message);
  LoadedSigningKey loaded;
  loaded.key = {.id = file.id, .algorithms = checked->algorithms, .material = std::move(*content)};
  if (others_may_read(file.path)) {
    loaded.warnings.push_back(
        fmt::format("{0}: everybody on this machine can read the private key: chmod o-r {0}", file.path));
  }
  return loaded;
}

protocol::Result<std::string> sign(const SigningKey& key, jwt_alg_t algorithm, const nlohmann::json& claims) {
  const ErrorQueueGuard guard;
  jwt_t* made = nullptr;
  if (jwt_new(&made) != 0) return Error{ErrorCode::kInternal, "no memory for a token", {}};
  const JwtPtr token(made);
  const auto* bytes = reinterpret_cast<const unsigned char*>(key.material.data());
  const bool is_made = jwt_add_grants_json(made, claims.dump().c_str()) == 0 &&
                       (key.id.empty() || jwt_add_header(made, "kid", key.id.c_str()) == 0) &&
                       jwt_set_alg(made, algorithm, bytes, static_cast<int>(key.material.size())) == 0;
  const TextPtr text(is_made ? jwt_encode_str(made) : nullptr);
  if (text == nullptr) {
    return Error{
        ErrorCode::kInternal, fmt::format("the key cannot sign with {}", jwt_alg_str(algorithm)), {}};
  }
  return protocol::Result<std::string>(boost::system::in_place_value, text.get());
}

}  // namespace wskit::server::auth
