#include "wsserve/transport/tls_context.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "common/text.h"

namespace wskit::server {
namespace {

using protocol::Error;
using protocol::ErrorCode;

// TLS 1.2: forward secrecy and authenticated encryption only. TLS 1.3 has nothing
// else. AES-128 first: it is as safe here, and the cheapest where the CPU has AES.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCiphersuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";

constexpr long kTicketSeconds = 2 * 60 * 60;

// Ends within this time: an operator has to act now.
constexpr std::chrono::hours kSoon{14 * 24};

Error failure(std::string message) { return {ErrorCode::kInternal, std::move(message), {}}; }

// Why OpenSSL could not read a file, in its words where there are no better ones.
std::string reason() {
  const unsigned long code = ERR_peek_error();
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* text = ERR_reason_error_string(code);
  return text == nullptr ? "unreadable" : text;
}

bool is_system_error() { return ERR_SYSTEM_ERROR(ERR_peek_error()); }

// Nobody is there to type it.
int no_passphrase(char*, int, int, void*) { return 0; }

protocol::Result<void> load_certificate(SSL_CTX& context, const TlsFiles& files) {
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(&context, files.certificate.c_str()) == 1) {
    return protocol::Result<void>();
  }
  const std::string why = reason();
  return failure(is_system_error()
                     ? fmt::format("cannot read the certificate {}: {}", files.certificate, why)
                     : fmt::format("{} holds no usable certificate (PEM, the server's own first): {}",
                                   files.certificate, why));
}

protocol::Result<void> load_key(SSL_CTX& context, const TlsFiles& files) {
  ERR_clear_error();
  const bool read = SSL_CTX_use_PrivateKey_file(&context, files.key.c_str(), SSL_FILETYPE_PEM) == 1;
  if (read && SSL_CTX_check_private_key(&context) == 1) return protocol::Result<void>();
  if (read || ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509) {
    return failure(
        fmt::format("the key {} does not belong to the certificate {}", files.key, files.certificate));
  }
  const std::string why = reason();
  return failure(
      is_system_error()
          ? fmt::format("cannot read the key {}: {}", files.key, why)
          : fmt::format("{} holds no usable private key (PEM, without a passphrase): {}", files.key, why));
}

protocol::Result<void> load_client_ca(SSL_CTX& context, const TlsFiles& files) {
  if (files.client_ca.empty()) return protocol::Result<void>();
  ERR_clear_error();
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(files.client_ca.c_str());
  if (names == nullptr || SSL_CTX_load_verify_file(&context, files.client_ca.c_str()) != 1) {
    const std::string why = reason();
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return failure(fmt::format("cannot read certificates for --client-ca from {}: {}", files.client_ca, why));
  }
  SSL_CTX_set_client_CA_list(&context, names);
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return protocol::Result<void>();
}

// HTTP/1.1 is all that is spoken. A client that offers other protocols only is
// refused rather than answered in one that it does not speak.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned in_size, void*) {
  static constexpr std::array<unsigned char, 9> kHttp{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* selected = nullptr;
  if (SSL_select_next_proto(&selected, out_size, kHttp.data(), kHttp.size(), in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

void set_rules(SSL_CTX& context) {
  SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(&context, kCiphers);
  SSL_CTX_set_ciphersuites(&context, kCiphersuites);
  SSL_CTX_set1_groups_list(&context, kGroups);
  SSL_CTX_set_options(&context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(&context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(&context, &select_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(&context, &no_passphrase);
  // Sessions live in the client's ticket: nothing is kept here. One ticket is what a
  // connection that comes back needs.
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(&context, 1);
  SSL_CTX_set_timeout(&context, kTicketSeconds);
  static constexpr std::string_view kContextName = "wsserve";
  SSL_CTX_set_session_id_context(&context, reinterpret_cast<const unsigned char*>(kContextName.data()),
                                 static_cast<unsigned>(kContextName.size()));
}

std::chrono::system_clock::time_point to_time(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

}  // namespace

protocol::Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsFiles& files) {
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  if (context == nullptr) return failure("OpenSSL cannot be used: " + reason());
  set_rules(*context);
  for (const std::string* file : {&files.certificate, &files.key, &files.client_ca}) {
    std::error_code ignored;
    if (std::filesystem::is_directory(*file, ignored))
      return failure("cannot read " + *file + ": Is a directory");
  }
  for (const auto load : {&load_certificate, &load_key, &load_client_ca}) {
    if (const auto loaded = load(*context, files); !loaded) return loaded.error();
  }
  std::shared_ptr<TlsContext> made(new TlsContext(context));
  made->name_ = files.certificate;
  return std::shared_ptr<const TlsContext>(std::move(made));
}

std::chrono::system_clock::time_point TlsContext::expires() const {
  return to_time(X509_get0_notAfter(SSL_CTX_get0_certificate(context_.get())));
}

std::string TlsContext::validity_problem(std::chrono::system_clock::time_point now) const {
  const X509* certificate = SSL_CTX_get0_certificate(context_.get());
  const auto begin = to_time(X509_get0_notBefore(certificate));
  const auto end = expires();
  const auto shown = [](auto time) { return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(time)); };
  if (end <= now) {
    return fmt::format("the certificate {} has expired on {}: clients will refuse it", name_, shown(end));
  }
  if (begin > now) {
    return fmt::format("the certificate {} is not valid before {}: clients will refuse it", name_,
                       shown(begin));
  }
  if (end - now >= kSoon) return {};
  const auto days =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::hours>(end - now).count() / 24);
  return fmt::format("the certificate {} expires in {}, on {}", name_, counted(days, "day"), shown(end));
}

}  // namespace wskit::server
