// The server's side of TLS: certificate, key, and what is agreed on with a client.
//
// Threads: immutable; used by all shards at the same time.
#pragma once

#include <boost/system/result.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "common/protocol/error.h"

struct ssl_ctx_st;

namespace wskit::server {

// PEM files.
struct TlsFiles {
  std::string certificate;  // followed by the chain up to, and without, the root
  std::string key;
  std::string client_ca;  // empty: clients need no certificate

  bool operator==(const TlsFiles&) const = default;
};

class TlsContext {
 public:
  // Reads the files. An error names the file and the remedy.
  [[nodiscard]] static protocol::Result<std::shared_ptr<const TlsContext>> load(const TlsFiles& files);

  [[nodiscard]] ssl_ctx_st& native() const { return *context_; }

  // When the server's certificate ends.
  [[nodiscard]] std::chrono::system_clock::time_point expires() const;

  // Empty, or a sentence to warn with: the certificate has expired, is not valid
  // yet, or ends soon.
  [[nodiscard]] std::string validity_problem(std::chrono::system_clock::time_point now) const;

 private:
  explicit TlsContext(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}

  std::string name_;  // of the certificate's file
  std::shared_ptr<ssl_ctx_st> context_;
};

using TlsContextPtr = std::shared_ptr<const TlsContext>;

}  // namespace wskit::server
