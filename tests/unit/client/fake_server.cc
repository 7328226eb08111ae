#include "fake_server.h"

#include <boost/asio/ssl/stream_base.hpp>
#include <utility>

#include "common/websocket/frame.h"
#include "common/websocket/message_writer.h"

namespace wskit::testing {
namespace {

namespace asio = boost::asio;
using websocket::MessageReader;
using websocket::Opcode;

std::string header_of(const std::string& request, const std::string& name) {
  const std::size_t at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 4;
  return request.substr(begin, request.find("\r\n", begin) - begin);
}

}  // namespace

FakePeer::FakePeer(FakeServer& server, client::Stream::Socket socket)
    : server_(server), stream_(std::move(socket)) {}

void FakePeer::start() {
  if (!server_.tls_) return read();
  stream_.start_tls(*server_.tls_)
      .async_handshake(asio::ssl::stream_base::server,
                       [self = shared_from_this()](const boost::system::error_code& error) {
                         if (error) return self->cut();
                         self->read();
                       });
}

void FakePeer::read() {
  if (stalled_ || gone_) return;
  stream_.async_read_some(
      asio::buffer(buffer_.data(), 65536),
      [self = shared_from_this()](const boost::system::error_code& error, std::size_t count) {
        if (error) {
          self->gone_ = true;
          return;
        }
        if (self->gone_ || self->server_.deaf_) return;
        self->on_bytes(count);
        self->read();
      });
}

void FakePeer::on_bytes(std::size_t count) {
  if (!upgraded_) {
    request_.append(buffer_.data(), count);
    if (request_.find("\r\n\r\n") != std::string::npos) answer_request();
    return;
  }
  reader_.feed({buffer_.data(), count});
  for (MessageReader::Item item = reader_.next(); item.kind != MessageReader::Kind::kNeedMore;
       item = reader_.next()) {
    handle(item);
  }
}

void FakePeer::answer_request() {
  if (!server_.responses_.empty()) {
    queued_ = server_.responses_.front();
    server_.responses_.pop_front();
    cut_when_written_ = true;
    return write();
  }
  upgraded_ = true;
  queued_ = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  if (server_.deflate_) {
    const auto agreed =
        websocket::agree_deflate(header_of(request_, "Sec-WebSocket-Extensions"), websocket::DeflatePolicy{});
    if (agreed) {
      queued_ += "Sec-WebSocket-Extensions: " + agreed->response + "\r\n";
      const websocket::DeflateParameters& parameters = agreed->parameters;
      deflater_ = std::make_unique<websocket::Deflater>(parameters.server_max_window_bits,
                                                        !parameters.server_no_context_takeover);
      reader_.own_inflater(std::make_unique<websocket::Inflater>(parameters.client_max_window_bits,
                                                                 !parameters.client_no_context_takeover));
    }
  }
  queued_ += "Sec-WebSocket-Accept: ";
  queued_ += websocket::accept_token(header_of(request_, "Sec-WebSocket-Key"));
  queued_ += "\r\n\r\n";
  // Together with what the test sends first, as a busy server does.
  server_.on_open(*this);
  write();
}

void FakePeer::handle(const MessageReader::Item& item) {
  switch (item.kind) {
    case MessageReader::Kind::kMessage:
      received_.emplace_back(item.payload.data(), item.payload.size());
      server_.on_message(*this, std::string(received_.back()));
      return;
    case MessageReader::Kind::kPing:
      ++pings_;
      return;
    case MessageReader::Kind::kPong:
      ++pongs_;
      return;
    case MessageReader::Kind::kClose: {
      const bool answer = !close_code_;
      close_code_ = item.code;
      if (!answer || stalled_) return;
      websocket::append_close(queued_, item.code, {}, nullptr);
      cut_when_written_ = true;
      return write();
    }
    case MessageReader::Kind::kViolation:
      return cut();
    case MessageReader::Kind::kNeedMore:
      return;
  }
}

void FakePeer::send(std::string_view text) {
  if (deflater_) {
    std::string compressed;
    deflater_->compress(text, compressed);
    websocket::append_frame(queued_, Opcode::kText, compressed, nullptr, true);
  } else {
    websocket::append_frame(queued_, Opcode::kText, text, nullptr);
  }
  if (upgraded_) write();
}

void FakePeer::send_frames(std::string bytes) {
  queued_ += bytes;
  write();
}

void FakePeer::close(protocol::CloseCode code, std::string_view reason) {
  websocket::append_close(queued_, code, reason, nullptr);
  write();
}

void FakePeer::cut() {
  gone_ = true;
  stream_.close();
}

void FakePeer::write() {
  if (!writing_.empty() || queued_.empty() || gone_) return;
  writing_.swap(queued_);
  const auto send_rest = [self = shared_from_this()](auto&& again, std::size_t written) -> void {
    self->stream_.async_write_some(
        asio::buffer(self->writing_) + written,
        [self, again, written](const boost::system::error_code& error, std::size_t count) {
          if (error) return;
          if (written + count < self->writing_.size()) return again(again, written + count);
          self->writing_.clear();
          if (!self->queued_.empty()) return self->write();
          if (self->cut_when_written_) self->cut();
        });
  };
  send_rest(send_rest, 0);
}

FakeServer::FakeServer(asio::io_context& io)
    : io_(io), tcp_(io, {asio::ip::make_address("127.0.0.1"), 0}), unix_(io) {
  port_ = tcp_.local_endpoint().port();
  accept();
}

FakeServer::FakeServer(asio::io_context& io, const std::string& socket_path)
    : io_(io),
      tcp_(io),
      unix_(io, asio::local::stream_protocol::endpoint(socket_path)),
      socket_path_(socket_path) {
  accept();
}

FakeServer::~FakeServer() {
  stop_listening();
  for (const auto& peer : peers_) peer->cut();
}

client::Url FakeServer::url() const {
  client::Url url;
  url.transport = client::Transport::kTcp;
  if (tls_) url.transport = client::Transport::kTls;
  if (!socket_path_.empty()) url.transport = client::Transport::kUnix;
  url.host = socket_path_.empty() ? "127.0.0.1" : "localhost";
  url.port = port_;
  url.socket_path = socket_path_;
  url.target = "/ws";
  return url;
}

void FakeServer::stop_listening() {
  boost::system::error_code ignored;
  tcp_.close(ignored);
  unix_.close(ignored);
}

void FakeServer::listen_again() {
  const asio::ip::tcp::endpoint endpoint(asio::ip::make_address("127.0.0.1"), port_);
  tcp_.open(endpoint.protocol());
  tcp_.set_option(asio::socket_base::reuse_address(true));
  tcp_.bind(endpoint);
  tcp_.listen();
  accept();
}

void FakeServer::accept() {
  const auto on_accept = [this](const boost::system::error_code& error, auto socket) {
    if (error) return;
    boost::system::error_code not_tcp;
    socket.set_option(asio::ip::tcp::no_delay(true), not_tcp);
    peers_.push_back(std::make_shared<FakePeer>(*this, std::move(socket)));
    peers_.back()->start();
    accept();
  };
  if (tcp_.is_open()) {
    tcp_.async_accept(on_accept);
  } else {
    unix_.async_accept(on_accept);
  }
}

}  // namespace wskit::testing
