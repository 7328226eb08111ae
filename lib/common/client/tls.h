// The settings of `wss://`.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/client/client_options.h"

namespace boost::asio::ssl {
class context;
}
struct ssl_ctx_st;
struct ssl_st;

namespace wskit::client {

// What is wrong with the options, before anything is connected, with the option's
// name; nothing if all is well.
[[nodiscard]] std::optional<std::string> check_tls_options(const TlsOptions& options);

// REQUIRES: check_tls_options has found nothing.
[[nodiscard]] std::shared_ptr<boost::asio::ssl::context> make_tls_context(const TlsOptions& options);

// The same for tls::Stream.
[[nodiscard]] std::shared_ptr<ssl_ctx_st> make_native_tls_context(const TlsOptions& options);

// Asks for `host`, a name or an address, and takes only a certificate that is for it,
// if the context verifies at all. Before the handshake.
void expect_host(ssl_st& connection, const std::string& host);

// Why the server did not like our certificate, where it has said so by its alert: a
// sentence with the remedy. Nothing for any other error. `error`: of OpenSSL's queue.
[[nodiscard]] std::optional<std::string> refused_by_alert(unsigned long error);

}  // namespace wskit::client
