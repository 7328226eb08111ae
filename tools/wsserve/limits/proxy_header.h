// The header that a proxy puts before everything else a connection says: the PROXY
// protocol, version 1 (a line) and 2 (binary), as HAProxy's proxy-protocol.txt has it.
//
// Knows no socket. Threads: one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "wsserve/limits/peer_address.h"

namespace wskit::server {

class ProxyHeader {
 public:
  // A longer one is refused; the addresses take 232 bytes at most, the rest is what
  // proxies like to add.
  static constexpr std::size_t kMaxBytes = 4096;

  enum class Status { kNeedMore, kDone, kBad };
  struct Step {
    Status status;
    std::size_t used;  // of the bytes: what is behind them belongs to the client
  };

  // Bytes as they come. REQUIRES: every step before wanted more.
  [[nodiscard]] Step feed(std::string_view bytes);

  // After kDone: the client. Nothing: the proxy speaks for itself (a health check),
  // or does not know.
  [[nodiscard]] const std::optional<PeerAddress>& client() const { return client_; }

 private:
  Status read();
  Status read_line();
  Status read_binary();

  std::string header_;  // as far as it has come
  std::size_t wanted_ = 1;
  std::optional<PeerAddress> client_;
};

}  // namespace wskit::server
