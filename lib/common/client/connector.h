// One attempt to connect: name, address, TLS, upgrade, within a time limit.
// Private to the client library.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/client/client_options.h"
#include "common/client/connect_failure.h"
#include "common/client/stream.h"
#include "common/client/upgrade.h"
#include "common/websocket/deflate.h"

namespace wskit::client {

struct OpenedStream {
  std::unique_ptr<Stream> stream;
  std::optional<websocket::DeflateParameters> deflate;
  std::string received;  // came right behind the upgrade
};

// Threads: the io_context's. Every pending operation keeps the connector alive.
class Connector : public std::enable_shared_from_this<Connector> {
 public:
  struct Handlers {
    std::function<void(OpenedStream)> opened;
    std::function<void(const ConnectFailure&)> failed;
  };

  // `options` must outlive the attempt; `tls` is for wss:// only.
  Connector(boost::asio::io_context& io, const ClientOptions& options,
            std::shared_ptr<boost::asio::ssl::context> tls, Handlers handlers);

  // Exactly one handler is called, once, unless cancel() comes first.
  void start();
  void cancel();

 private:
  using Error = boost::system::error_code;
  using Endpoint = boost::asio::generic::stream_protocol::endpoint;

  void resolve();
  void connect_next(const Error& previous);
  void on_connected(const Error& error);
  void handshake();
  void send_request();
  void write_request(std::size_t written);
  void read_answer();
  void on_answer(UpgradeAnswer::Status status);
  void on_limit();
  void fail_unreachable(const std::string& why);
  // While the request is sent and answered.
  void fail_exchange(const Error& error);
  void fail(const ConnectFailure& failure);
  void finish();
  [[nodiscard]] bool over() const { return over_; }

  boost::asio::io_context& io_;
  const ClientOptions& options_;
  std::shared_ptr<boost::asio::ssl::context> tls_;
  Handlers handlers_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer deadline_;
  boost::asio::steady_timer patience_;  // with one of several addresses
  std::vector<Endpoint> endpoints_;
  std::size_t next_endpoint_ = 0;
  std::unique_ptr<Stream::Socket> socket_;  // until it is connected
  std::unique_ptr<Stream> stream_;
  std::string request_;
  std::unique_ptr<UpgradeAnswer> answer_;
  std::array<char, 4096> buffer_{};
  const char* step_ = "";  // for the message of a time-out
  bool over_ = false;
};

}  // namespace wskit::client
