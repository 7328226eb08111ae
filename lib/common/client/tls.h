// The settings of `wss://`.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/client/client_options.h"

namespace boost::asio::ssl {
class context;
}

namespace wskit::client {

// What is wrong with the options, before anything is connected; nothing if all is well.
[[nodiscard]] std::optional<std::string> check_tls_options(const TlsOptions& options);

// REQUIRES: check_tls_options has found nothing.
[[nodiscard]] std::shared_ptr<boost::asio::ssl::context> make_tls_context(const TlsOptions& options);

}  // namespace wskit::client
