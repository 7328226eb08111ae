#include "common/client/tls_failure.h"

#include <fmt/core.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <memory>

#include "common/client/tls.h"

namespace wskit::client {
namespace {

namespace asio = boost::asio;

// Beyond these the names of a certificate are no help.
constexpr int kMostNames = 5;

// OpenSSL's reason; 0: the error is not its own.
int reason_of(const boost::system::error_code& error) {
  if (error.category() != asio::error::get_ssl_category()) return 0;
  return ERR_GET_REASON(static_cast<unsigned long>(error.value()));
}

std::string text_of(const ASN1_TIME* time) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  ASN1_TIME_print(bio.get(), time);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

// "DNS:a.example, IP Address:127.0.0.1"
std::string names_of(const X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  if (!names) return "nobody";
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  const int count = sk_GENERAL_NAME_num(names.get());
  for (int i = 0; i < count && i < kMostNames; ++i) {
    if (i > 0) BIO_puts(bio.get(), ", ");
    GENERAL_NAME_print(bio.get(), sk_GENERAL_NAME_value(names.get(), i));
  }
  if (count > kMostNames) BIO_puts(bio.get(), ", …");
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

ConnectFailure unreachable(const ClientOptions& options, const std::string& why) {
  return connect_failure(FailureKind::kUnreachable,
                         fmt::format("cannot reach {}: {}", options.url.display(), why), Lasting::kNo);
}

}  // namespace

std::string certificate_fault(x509_store_ctx_st* verification, const std::string& host) {
  const X509* certificate = X509_STORE_CTX_get_current_cert(verification);
  const int fault = X509_STORE_CTX_get_error(verification);
  const bool of_issuer = X509_STORE_CTX_get_error_depth(verification) > 0;
  switch (certificate != nullptr ? fault : X509_V_ERR_UNSPECIFIED) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format("{}expired on {}: renew it, or take it all the same with --insecure",
                         of_issuer ? "has an issuer that " : "", text_of(X509_get0_notAfter(certificate)));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fmt::format("is not valid before {}: is this machine's clock right?",
                         text_of(X509_get0_notBefore(certificate)));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format("is for {} and not for {}: use its name in --url, or take any with --insecure",
                         names_of(certificate), host);
    default:
      return fmt::format("is not trusted ({}): give its authority with --cacert, or take any with --insecure",
                         X509_verify_cert_error_string(fault));
  }
}

std::optional<ConnectFailure> certificate_refusal(const boost::system::error_code& error,
                                                  const ClientOptions& options) {
  if (error.category() != asio::error::get_ssl_category()) return std::nullopt;
  auto reason = refused_by_alert(static_cast<unsigned long>(error.value()));
  // What servers of TLS 1.2 say where a certificate is missing.
  const bool failed = reason_of(error) == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE;
  if (failed && options.tls.cert_file.empty()) {
    reason = "TLS handshake failure; if it wants a client's certificate, give one with --cert and --key-file";
  }
  if (!reason) return std::nullopt;
  return connect_failure(FailureKind::kRefused,
                         fmt::format("refused by {}: {}", options.url.display(), *reason), Lasting::kYes);
}

ConnectFailure tls_failure(const boost::system::error_code& error, const std::string& fault,
                           const ClientOptions& options) {
  if (auto refused = certificate_refusal(error, options)) return *refused;
  const bool ended = error == asio::error::eof || error == asio::ssl::error::stream_truncated ||
                     error == asio::error::connection_reset;
  if (ended) {
    return unreachable(options, fmt::format("the connection ended in the TLS handshake; if the server has no "
                                            "TLS, use {}",
                                            options.url.over(Transport::kTcp).display()));
  }
  switch (reason_of(error)) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return connect_failure(FailureKind::kRefused,
                             fmt::format("the certificate of {} {}", options.url.display(), fault),
                             Lasting::kYes);
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_RECORD_LENGTH_MISMATCH:
      return unreachable(options, fmt::format("the server does not speak TLS there; use {}",
                                              options.url.over(Transport::kTcp).display()));
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
      return unreachable(options, "the server knows no TLS newer than 1.1, which is not safe");
    case SSL_R_TLSV1_UNRECOGNIZED_NAME:
      return unreachable(options, fmt::format("no server is called {} there", options.url.host));
    default:
      return unreachable(options, fmt::format("TLS: {}", error.message()));
  }
}

}  // namespace wskit::client
