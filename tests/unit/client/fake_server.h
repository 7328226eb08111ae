// A WebSocket server in the test's own loop, which does what the test says:
// answers, refuses, falls silent, cuts the connection.
//
// Threads: the io_context's, like the client under test.
#pragma once

#include <array>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/client/stream.h"
#include "common/client/url.h"
#include "common/protocol/close_code.h"
#include "common/websocket/deflate.h"
#include "common/websocket/handshake.h"
#include "common/websocket/message_reader.h"

namespace wskit::testing {

class FakeServer;

// One connection, as the server has it.
class FakePeer : public std::enable_shared_from_this<FakePeer> {
 public:
  FakePeer(FakeServer& server, client::Stream::Socket socket);

  // Written at once; several calls make several frames.
  void send(std::string_view text);
  void send_frames(std::string bytes);
  void close(protocol::CloseCode code, std::string_view reason = {});
  // Ends the connection without a close frame.
  void cut();
  // Takes nothing more off the socket, nor answers a close.
  void stall() { stalled_ = true; }

  [[nodiscard]] const std::string& request() const { return request_; }
  [[nodiscard]] const std::vector<std::string>& received() const { return received_; }
  [[nodiscard]] std::optional<protocol::CloseCode> close_code() const { return close_code_; }
  [[nodiscard]] int pings() const { return pings_; }
  [[nodiscard]] int pongs() const { return pongs_; }
  [[nodiscard]] bool gone() const { return gone_; }

 private:
  friend class FakeServer;

  void start();
  void read();
  void on_bytes(std::size_t count);
  void answer_request();
  void handle(const websocket::MessageReader::Item& item);
  void write();

  FakeServer& server_;
  client::Stream stream_;
  std::array<char, 65536 + websocket::MessageReader::kPadding> buffer_{};
  std::string request_;
  bool upgraded_ = false;
  websocket::ReaderLimits limits_{.max_message_bytes = std::size_t{64} << 20};
  websocket::MessageReader reader_{websocket::Role::kServer, limits_};
  std::unique_ptr<websocket::Deflater> deflater_;
  std::string queued_;
  std::string writing_;
  bool cut_when_written_ = false;
  bool stalled_ = false;
  bool gone_ = false;
  std::vector<std::string> received_;
  std::optional<protocol::CloseCode> close_code_;
  int pings_ = 0;
  int pongs_ = 0;
};

class FakeServer {
 public:
  // On 127.0.0.1, a free port.
  explicit FakeServer(boost::asio::io_context& io);
  FakeServer(boost::asio::io_context& io, const std::string& socket_path);
  ~FakeServer();

  [[nodiscard]] client::Url url() const;

  // With wss:// from now on.
  void use_tls(std::shared_ptr<boost::asio::ssl::context> context) { tls_ = std::move(context); }

  // The next request is answered with these bytes, and the connection ended.
  void answer_next_with(std::string response) { responses_.push_back(std::move(response)); }
  // Accepts and says nothing.
  void be_deaf() { deaf_ = true; }
  void stop_listening();
  void listen_again();
  void agree_to_deflate() { deflate_ = true; }

  std::function<void(FakePeer&)> on_open = [](FakePeer&) {};
  std::function<void(FakePeer&, const std::string&)> on_message = [](FakePeer&, const std::string&) {};

  // In the order of arrival, those gone included.
  [[nodiscard]] const std::vector<std::shared_ptr<FakePeer>>& peers() const { return peers_; }
  [[nodiscard]] FakePeer& last() const { return *peers_.back(); }

 private:
  friend class FakePeer;

  void accept();

  boost::asio::io_context& io_;
  boost::asio::ip::tcp::acceptor tcp_;
  boost::asio::local::stream_protocol::acceptor unix_;
  std::string socket_path_;
  std::uint16_t port_ = 0;
  std::shared_ptr<boost::asio::ssl::context> tls_;
  std::deque<std::string> responses_;
  bool deaf_ = false;
  bool deflate_ = false;
  std::vector<std::shared_ptr<FakePeer>> peers_;
};

}  // namespace wskit::testing
