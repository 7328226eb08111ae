// The bytes of one connection, over TCP, a Unix socket, or TLS on top of either.
// Private to the client library.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <optional>
#include <utility>

namespace wskit::client {

// At most one read and one write in flight.
class Stream {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Tls = boost::asio::ssl::stream<Socket&>;

  explicit Stream(Socket socket) : socket_(std::move(socket)) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // From here on the bytes go through TLS, whose handshake is the caller's next step.
  Tls& start_tls(boost::asio::ssl::context& context) { return tls_.emplace(socket_, context); }

  template <class Handler>
  void async_read_some(boost::asio::mutable_buffer buffer, Handler&& handler) {
    if (tls_) {
      tls_->async_read_some(buffer, std::forward<Handler>(handler));
    } else {
      socket_.async_read_some(buffer, std::forward<Handler>(handler));
    }
  }

  template <class Handler>
  void async_write_some(boost::asio::const_buffer buffer, Handler&& handler) {
    if (tls_) {
      tls_->async_write_some(buffer, std::forward<Handler>(handler));
    } else {
      socket_.async_write_some(buffer, std::forward<Handler>(handler));
    }
  }

  // Pending operations end with an error.
  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  Socket socket_;
  std::optional<Tls> tls_;
};

}  // namespace wskit::client
