#include "common/client/tls.h"

#include <boost/asio/ssl/context.hpp>

namespace wskit::client {
namespace {

namespace ssl = boost::asio::ssl;

std::shared_ptr<ssl::context> make_context(const TlsOptions& options, boost::system::error_code& error) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  context->set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  if (options.insecure) {
    context->set_verify_mode(ssl::verify_none);
    return context;
  }
  context->set_verify_mode(ssl::verify_peer);
  if (options.ca_file.empty()) {
    context->set_default_verify_paths(error);
  } else {
    context->load_verify_file(options.ca_file, error);
  }
  return context;
}

}  // namespace

std::optional<std::string> check_tls_options(const TlsOptions& options) {
  if (options.ca_file.empty()) return std::nullopt;
  boost::system::error_code error;
  make_context(options, error);
  if (!error) return std::nullopt;
  return "cannot read certificates from " + options.ca_file + ": " + error.message();
}

std::shared_ptr<ssl::context> make_tls_context(const TlsOptions& options) {
  boost::system::error_code error;
  return make_context(options, error);
}

}  // namespace wskit::client
