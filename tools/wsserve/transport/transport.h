// The bytes of one connection: its socket, plain or behind TLS.
//
// Plain is the hot path: the same system calls as without this class, and one
// comparison. The calls answer like recv(2) and sendmsg(2), whichever it is.
//
// Threads: one, the shard's.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "common/tls/stream.h"
#include "wsserve/loop/owned_fd.h"
#include "wsserve/transport/tls_context.h"

namespace wskit::server {

class Transport {
 public:
  // `socket`: a connected non-blocking stream socket.
  explicit Transport(OwnedFd socket) : socket_(std::move(socket)) {}
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  [[nodiscard]] int fd() const { return socket_.get(); }

  // From here on everything is TLS; receive() and send() take the handshake along.
  void start_tls(const TlsContext& context);
  [[nodiscard]] const tls::Stream* tls() const { return tls_.get(); }
  // What is received from here on is what the peer sent, and nothing is sent any more.
  void give_up_tls();

  // The first `already_read` bytes of the buffer were read from the socket before:
  // start_tls() came behind them.
  [[nodiscard]] ssize_t receive(std::span<char> buffer, std::size_t already_read = 0) {
    if (tls_ != nullptr) return tls_->receive(buffer, already_read);
    return ::recv(fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  }

  [[nodiscard]] ssize_t send(const char* bytes, std::size_t size) {
    if (tls_ != nullptr) {
      const iovec slice{const_cast<char*>(bytes), size};
      return tls_->send({&slice, 1});
    }
    return ::send(fd(), bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  [[nodiscard]] ssize_t send(std::span<iovec> slices) {
    if (tls_ != nullptr) return tls_->send(slices);
    msghdr message{};
    message.msg_iov = slices.data();
    message.msg_iovlen = slices.size();
    return ::sendmsg(fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  // Whether the socket has everything that send() took. If not, push() when the
  // socket has room; false with errno if the connection is lost.
  [[nodiscard]] bool drained() const { return tls_ == nullptr || tls_->drained(); }
  [[nodiscard]] bool push() { return tls_ == nullptr || tls_->push(); }

  // Whether the peer sent something, or ended, that was not received yet.
  [[nodiscard]] bool has_unread() const;

  // Whether nothing more will be received although the socket is open.
  [[nodiscard]] bool over() const { return tls_ != nullptr && tls_->over(); }

  // Nothing more will be sent: says so to the peer. False while what was taken has
  // to go first; call again once the socket has room.
  [[nodiscard]] bool shut();

 private:
  const OwnedFd socket_;
  std::unique_ptr<tls::Stream> tls_;  // null: plain
};

}  // namespace wskit::server
