// Why TLS with a server did not come about, for the person who can mend it.
// Private to the client library.
//
// Threads: pure functions.
#pragma once

#include <boost/system/error_code.hpp>
#include <optional>
#include <string>

#include "common/client/client_options.h"
#include "common/client/connect_failure.h"

struct x509_store_ctx_st;

namespace wskit::client {

// What is wrong with the server's certificate that was just found wanting, and the
// remedy: "expired on …". For the callback that OpenSSL verifies with.
[[nodiscard]] std::string certificate_fault(x509_store_ctx_st* verification, const std::string& host);

// Of a handshake that ended with `error`; `fault`: what certificate_fault said.
[[nodiscard]] ConnectFailure tls_failure(const boost::system::error_code& error, const std::string& fault,
                                         const ClientOptions& options);

// The server's complaint about our certificate, which with TLS 1.3 comes only
// after the handshake; nothing if `error` is none.
[[nodiscard]] std::optional<ConnectFailure> certificate_refusal(const boost::system::error_code& error,
                                                                const ClientOptions& options);

}  // namespace wskit::client
