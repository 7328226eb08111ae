#include "wsbench/secure_socket.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/client/tls.h"

namespace wskit::bench {

SecureSocket::SecureSocket(int fd, const SecureServer& server)
    : stream_(fd, *server.context, tls::Stream::Role::kClient) {
  client::expect_host(stream_.native(), server.host);
}

bool SecureSocket::begin_handshake() {
  const std::lock_guard lock(mutex_);
  return stream_.begin_handshake();
}

bool SecureSocket::established() {
  const std::lock_guard lock(mutex_);
  return stream_.established();
}

ssize_t SecureSocket::receive(std::span<char> buffer) {
  const std::lock_guard lock(mutex_);
  return stream_.receive(buffer);
}

ssize_t SecureSocket::send(std::string_view bytes) {
  const iovec slice{const_cast<char*>(bytes.data()), bytes.size()};
  const std::lock_guard lock(mutex_);
  return stream_.send({&slice, 1});
}

void SecureSocket::push() {
  const std::lock_guard lock(mutex_);
  if (!stream_.push()) return;
}

bool SecureSocket::may_have_more() {
  const std::lock_guard lock(mutex_);
  return stream_.may_have_more();
}

SecureSocket::Problem SecureSocket::problem() {
  const std::lock_guard lock(mutex_);
  if (!stream_.failed()) return {"the server closed the connection"};
  if (const auto refused = client::refused_by_alert(stream_.error())) return {*refused, true};
  if (ERR_GET_REASON(stream_.error()) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    return {"its certificate is not trusted: give its authority with --cacert, or take any with --insecure",
            true};
  }
  if (ERR_GET_REASON(stream_.error()) == SSL_R_WRONG_VERSION_NUMBER) {
    return {"the server does not speak TLS there; use ws://"};
  }
  return {"TLS: " + stream_.problem()};
}

}  // namespace wskit::bench
