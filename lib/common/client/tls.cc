#include "common/client/tls.h"

#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <array>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace wskit::client {
namespace {

namespace ssl = boost::asio::ssl;

using Fault = std::optional<std::string>;

// What OpenSSL says of the last call, or the system of the file. Empties its queue.
std::string reason(const std::string& path) {
  errno = 0;
  std::ifstream file(path);
  if (file.peek(); !file.is_open() || file.bad()) {  // a folder can be opened, and not read
    ERR_clear_error();
    return std::strerror(errno);  // NOLINT(concurrency-mt-unsafe)
  }
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const bool none_found = ERR_GET_LIB(code) == ERR_LIB_PEM || ERR_GET_REASON(code) == ERR_R_PEM_LIB;
  if (none_found || ERR_GET_REASON(code) == X509_R_NO_CERTIFICATE_OR_CRL_FOUND) {
    return "it holds none in PEM format";
  }
  const char* text = ERR_reason_error_string(code);
  return text != nullptr ? text : "it is of no use";
}

Fault load_authorities(ssl::context& context, const TlsOptions& options) {
  if (SSL_CTX_load_verify_file(context.native_handle(), options.ca_file.c_str()) == 1) return std::nullopt;
  return fmt::format("--cacert: cannot read certificates from {}: {}", options.ca_file,
                     reason(options.ca_file));
}

// Nobody is asked for a pass phrase: the tools run where nobody answers.
int refuse_pass_phrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return 0;
}

Fault load_identity(ssl::context& context, const TlsOptions& options) {
  SSL_CTX* handle = context.native_handle();
  const std::string& cert = options.cert_file;
  const std::string& key = options.key_file.empty() ? cert : options.key_file;
  const char* key_option = options.key_file.empty() ? "--cert" : "--key-file";
  if (SSL_CTX_use_certificate_chain_file(handle, cert.c_str()) != 1) {
    return fmt::format("--cert: cannot read a certificate from {}: {}", cert, reason(cert));
  }
  bool encrypted = false;
  SSL_CTX_set_default_passwd_cb(handle, refuse_pass_phrase);
  SSL_CTX_set_default_passwd_cb_userdata(handle, &encrypted);
  const bool loaded = SSL_CTX_use_PrivateKey_file(handle, key.c_str(), SSL_FILETYPE_PEM) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(handle, nullptr);
  SSL_CTX_set_default_passwd_cb(handle, nullptr);
  if (encrypted) {
    ERR_clear_error();
    return fmt::format("{}: the key in {} is encrypted; decrypt it, as with openssl pkey -in {}", key_option,
                       key, key);
  }
  if (loaded && SSL_CTX_check_private_key(handle) == 1) return std::nullopt;
  if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH) {
    ERR_clear_error();
    return fmt::format("{}: the key in {} is not that of the certificate in {}", key_option, key, cert);
  }
  std::string fault = fmt::format("{}: cannot read a key from {}: {}", key_option, key, reason(key));
  if (options.key_file.empty()) fault += "; where it is in a file of its own, name that with --key-file";
  return fault;
}

Fault set_up(ssl::context& context, const TlsOptions& options) {
  context.set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  if (!options.cert_file.empty()) {
    if (Fault fault = load_identity(context, options)) return fault;
  }
  context.set_verify_mode(options.insecure ? ssl::verify_none : ssl::verify_peer);
  if (!options.ca_file.empty()) return load_authorities(context, options);
  boost::system::error_code ignored;  // then nobody is trusted, and the handshake says so
  context.set_default_verify_paths(ignored);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> check_tls_options(const TlsOptions& options) {
  if (!options.key_file.empty() && options.cert_file.empty()) {
    return "--key-file: name its certificate too, with --cert";
  }
  ssl::context context(ssl::context::tls_client);
  return set_up(context, options);
}

std::shared_ptr<ssl::context> make_tls_context(const TlsOptions& options) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  static_cast<void>(set_up(*context, options));
  return context;
}

std::shared_ptr<ssl_ctx_st> make_native_tls_context(const TlsOptions& options) {
  const auto context = make_tls_context(options);
  return {context, context->native_handle()};
}

void expect_host(ssl_st& connection, const std::string& host) {
  X509_VERIFY_PARAM* wanted = SSL_get0_param(&connection);
  boost::system::error_code not_an_address;
  boost::asio::ip::make_address(host, not_an_address);
  if (!not_an_address) {
    X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str());
    return;
  }
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size());
  SSL_ctrl(&connection, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
           const_cast<char*>(host.c_str()));
}

std::optional<std::string> refused_by_alert(unsigned long error) {
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return std::nullopt;
  switch (ERR_GET_REASON(error)) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "it serves only clients with a certificate: give yours with --cert and --key-file";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
      return fmt::format("it does not take the certificate of --cert: {}", ERR_reason_error_string(error));
    default:
      return std::nullopt;
  }
}

}  // namespace wskit::client
