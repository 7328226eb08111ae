#include "wsserve/config/tls_options.h"

#include <fmt/format.h>

#include "common/cli/option_values.h"

namespace wskit::server {

void add_tls_options(CLI::App& app, TlsFiles& files, LiveOptions& live) {
  live(cli::add_text(
           app, "--tls-cert", files.certificate, "FILE",
           "Speak TLS on every TCP port, with the certificate in this PEM file and the chain behind it"))
      ->envname("WSKIT_TLS_CERT")
      ->group("TLS");
  live(cli::add_text(app, "--tls-key", files.key, "FILE",
                     "The certificate's private key (PEM, no passphrase)"))
      ->envname("WSKIT_TLS_KEY")
      ->group("TLS");
  live(cli::add_text(
           app, "--client-ca", files.client_ca, "FILE",
           "Serve over TLS only clients with a certificate that an authority in this PEM file has signed"))
      ->group("TLS");
}

std::vector<std::string> tls_problems(const cli::Tool& tool, const TlsFiles& files) {
  const auto at = [&tool](const char* option) { return tool.origin(tool.app(), option); };
  if (files.certificate.empty() && !files.key.empty()) {
    return {fmt::format("{}: a key needs its certificate: add --tls-cert FILE", at("--tls-key"))};
  }
  if (files.certificate.empty() && !files.client_ca.empty()) {
    return {fmt::format("{}: only TLS has client certificates: add --tls-cert FILE and --tls-key FILE",
                        at("--client-ca"))};
  }
  if (!files.certificate.empty() && files.key.empty()) {
    return {fmt::format("{}: a certificate needs its key: add --tls-key FILE", at("--tls-cert"))};
  }
  if (const auto context = to_tls(files); !context) return {context.error().message};
  return {};
}

protocol::Result<TlsContextPtr> to_tls(const TlsFiles& files) {
  if (files.certificate.empty()) return TlsContextPtr();
  return TlsContext::load(files);
}

}  // namespace wskit::server
