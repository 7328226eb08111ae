// TLS of one connection: the thread of its worker receives, and any thread may send.
//
// Threads: any; one at a time is inside.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "common/tls/stream.h"

namespace wskit::bench {

// Whose certificate is expected, by what rules. One for all connections.
struct SecureServer {
  std::shared_ptr<ssl_ctx_st> context;
  std::string host;
};

class SecureSocket {
 public:
  // The socket stays the caller's.
  SecureSocket(int fd, const SecureServer& server);

  // False with errno if the connection is lost.
  [[nodiscard]] bool begin_handshake();
  [[nodiscard]] bool established();

  // As recv(2) and send(2): tls::Stream.
  [[nodiscard]] ssize_t receive(std::span<char> buffer);
  [[nodiscard]] ssize_t send(std::string_view bytes);
  // What was taken before goes on as far as the socket takes it. A lost connection
  // shows when it is read.
  void push();

  [[nodiscard]] bool may_have_more();
  // Why the handshake or the connection failed: a sentence, with the remedy where
  // there is one. `refused`: the server would not have us, or we would not have it.
  struct Problem {
    std::string message;
    bool refused = false;
  };
  [[nodiscard]] Problem problem();

 private:
  std::mutex mutex_;
  tls::Stream stream_;  // guarded by mutex_
};

}  // namespace wskit::bench
