#include "wsserve/auth/key_file.h"

#include <fmt/format.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "common/text.h"
#include "wsserve/auth/jwk.h"
#include "wsserve/auth/public_key.h"

namespace wskit::server::auth {
namespace {

using protocol::Error;
using protocol::ErrorCode;

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
// As many as the shortest hash has; with fewer the secret is the weakest part
// (RFC 7518 section 3.2).
constexpr std::size_t kGoodSecretBytes = 32;

Error bad_file(const std::string& path, std::string_view why) {
  return {ErrorCode::kInternal, fmt::format("{}: {}", path, why), {}};
}

// What a PEM file's first block is called, "PUBLIC KEY"; empty: it has none.
std::string pem_name(std::string_view content) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  const std::size_t begin = content.find(kBegin);
  if (begin == std::string_view::npos) return {};
  content.remove_prefix(begin + kBegin.size());
  return std::string(content.substr(0, std::min(content.find('-'), content.size())));
}

PkeyPtr read_pem(const std::string& content, bool certificate) {
  const BioPtr memory(BIO_new_mem_buf(content.data(), static_cast<int>(content.size())));
  if (memory == nullptr) return nullptr;
  // No passphrase is ever asked for: nothing public has one.
  const auto refuse = [](char*, int, int, void*) { return -1; };
  if (!certificate) return PkeyPtr(PEM_read_bio_PUBKEY(memory.get(), nullptr, refuse, nullptr));
  const CertificatePtr read(PEM_read_bio_X509(memory.get(), nullptr, refuse, nullptr));
  return PkeyPtr(read == nullptr ? nullptr : X509_get_pubkey(read.get()));
}

protocol::Result<Keys> parse_public_keys(const KeyFile& file, const std::string& content) {
  const std::size_t first = content.find_first_not_of(kWhiteSpace);
  if (first != std::string::npos && content[first] == '{') {
    auto keys = parse_jwks(content);
    if (!keys) return bad_file(file.path, keys.error().message);
    if (!file.id.empty() && keys->size() > 1) {
      return bad_file(file.path,
                      "has several keys, which have names of their own: leave out " + file.id + "=");
    }
    if (!file.id.empty()) keys->front().id = file.id;
    return keys;
  }
  const std::string name = pem_name(content);
  if (name.ends_with("PRIVATE KEY")) {
    return bad_file(file.path,
                    "is a private key, which the server must not have: give it the public one "
                    "(openssl pkey -in FILE -pubout)");
  }
  if (name != "PUBLIC KEY" && name != "CERTIFICATE") {
    return bad_file(
        file.path,
        "is no key: give a public key or certificate in PEM, or a JSON Web Key Set; a secret goes "
        "to --jwt-secret-file");
  }
  const PkeyPtr read = read_pem(content, name == "CERTIFICATE");
  if (read == nullptr) return bad_file(file.path, fmt::format("its {} is damaged", name));
  auto key = to_key(*read, file.id);
  if (!key) return bad_file(file.path, key.error().message);
  return Keys{std::move(*key)};
}

}  // namespace

protocol::Result<std::string> read_key_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string content(kMaxFileBytes + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (!file.is_open() || file.bad()) {
    const std::string reason = std::generic_category().message(errno == 0 ? EIO : errno);
    return bad_file(path, "cannot be read: " + reason);
  }
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (content.size() > kMaxFileBytes) return bad_file(path, "is too large to be a key");
  return content;
}

bool others_may_read(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IROTH) != 0;
}

KeyFile parse_key_file(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view id = text.substr(0, equals);
  if (equals == std::string_view::npos || id.find('/') != std::string_view::npos) {
    return {.id = {}, .path = std::string(text)};
  }
  return {.id = std::string(id), .path = std::string(text.substr(equals + 1))};
}

protocol::Result<LoadedKeys> load_public_keys(const KeyFile& file) {
  const ErrorQueueGuard guard;
  const auto content = read_key_file(file.path);
  if (!content) return content.error();
  auto keys = parse_public_keys(file, *content);
  if (!keys) return keys.error();
  return LoadedKeys{.keys = std::move(*keys), .warnings = {}};
}

protocol::Result<LoadedKeys> load_secret(const KeyFile& file) {
  auto content = read_key_file(file.path);
  if (!content) return content.error();
  if (content->ends_with('\n')) content->pop_back();
  if (content->ends_with('\r')) content->pop_back();
  if (!pem_name(*content).empty()) {
    return bad_file(file.path,
                    "is no secret but a key in PEM, and what is public must not be one: use --jwt-key");
  }
  const std::size_t bytes = content->size();
  auto key = to_key(std::move(*content), file.id);
  if (!key) return bad_file(file.path, key.error().message);
  LoadedKeys loaded{.keys = {std::move(*key)}, .warnings = {}};
  if (bytes < kGoodSecretBytes) {
    loaded.warnings.push_back(
        fmt::format("{}: a secret of {} bytes can be guessed by anyone who has a token; use {} random bytes "
                    "or more (openssl rand -base64 48)",
                    file.path, bytes, kGoodSecretBytes));
  }
  if (others_may_read(file.path)) {
    loaded.warnings.push_back(
        fmt::format("{0}: everybody on this machine can read the secret: chmod o-r {0}", file.path));
  }
  return loaded;
}

}  // namespace wskit::server::auth
