#include "common/client/connector.h"

#include <fmt/core.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/verify_context.hpp>
#include <cstdlib>
#include <memory>
#include <utility>

#include "common/client/tls.h"
#include "common/client/tls_failure.h"
#include "common/websocket/handshake.h"

namespace wskit::client {
namespace {

namespace asio = boost::asio;

// What most likely helps, where that is known.
const char* hint(const boost::system::error_code& error) {
  if (error == asio::error::connection_refused) return " (is the server running, and is this its port?)";
  if (error == boost::system::errc::no_such_file_or_directory) return " (is the server running?)";
  if (error == asio::error::host_not_found) return " (is the name right?)";
  return "";
}

// The variable that names a proxy, which other programs would go through to get
// there; null: none does.
const char* unused_proxy(const Url& url) {
  boost::system::error_code not_an_address;
  const auto address = asio::ip::make_address(url.host, not_an_address);
  const bool near = not_an_address ? url.host == "localhost" : address.is_loopback();
  if (url.transport == Transport::kUnix || near) return nullptr;
  for (const char* name :
       {"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
    if (value != nullptr && *value != '\0') return name;
  }
  return nullptr;
}

}  // namespace

Connector::Connector(asio::io_context& io, const ClientOptions& options,
                     std::shared_ptr<asio::ssl::context> tls, Handlers handlers)
    : io_(io),
      options_(options),
      tls_(std::move(tls)),
      handlers_(std::move(handlers)),
      resolver_(io),
      deadline_(io),
      patience_(io) {}

void Connector::start() {
  deadline_.expires_after(options_.connect_timeout);
  deadline_.async_wait([self = shared_from_this()](const Error& error) {
    if (!error && !self->over()) self->on_limit();
  });
  if (options_.url.transport == Transport::kUnix) {
    endpoints_.emplace_back(asio::local::stream_protocol::endpoint(options_.url.socket_path));
    connect_next({});
  } else {
    resolve();
  }
}

void Connector::cancel() { finish(); }

void Connector::resolve() {
  step_ = "looking up its name";
  resolver_.async_resolve(
      options_.url.host, std::to_string(options_.url.port), asio::ip::tcp::resolver::numeric_service,
      [self = shared_from_this()](const Error& error, const asio::ip::tcp::resolver::results_type& results) {
        if (self->over()) return;
        if (error)
          return self->fail_unreachable(
              fmt::format("{}: {}{}", self->options_.url.host, error.message(), hint(error)));
        for (const auto& result : results) self->endpoints_.emplace_back(result.endpoint());
        self->connect_next({});
      });
}

// `previous`: why the address before this one did not work.
void Connector::connect_next(const Error& previous) {
  if (next_endpoint_ == endpoints_.size()) {
    return fail_unreachable(previous.message() + hint(previous));
  }
  step_ = "connecting";
  const Endpoint& endpoint = endpoints_[next_endpoint_++];
  socket_ = std::make_unique<Stream::Socket>(io_);
  Error error;
  socket_->open(endpoint.protocol(), error);
  if (error) return connect_next(error);
  socket_->async_connect(endpoint, [self = shared_from_this()](const Error& result) {
    if (!self->over()) self->on_connected(result);
  });
  // One address that swallows packets must not use up the time of all.
  if (endpoints_.size() == 1) return;
  patience_.expires_after(options_.connect_timeout / endpoints_.size());
  patience_.async_wait([self = shared_from_this()](const Error& result) {
    if (result || self->over() || !self->socket_) return;
    Error ignored;
    self->socket_->close(ignored);
  });
}

void Connector::on_connected(const Error& error) {
  patience_.cancel();
  if (error) {
    return connect_next(error == asio::error::operation_aborted ? asio::error::timed_out : error);
  }
  if (options_.url.transport != Transport::kUnix) {
    Error ignored;
    socket_->set_option(asio::ip::tcp::no_delay(true), ignored);
  }
  stream_ = std::make_unique<Stream>(std::move(*socket_));
  socket_.reset();
  if (options_.url.transport == Transport::kTls) {
    handshake();
  } else {
    send_request();
  }
}

void Connector::handshake() {
  step_ = "the TLS handshake";
  Stream::Tls& tls = stream_->start_tls(*tls_);
  expect_host(*tls.native_handle(), options_.url.host);
  // Holds nothing of this object, which the stream may outlive.
  const auto fault = std::make_shared<std::string>();
  if (!options_.tls.insecure) {
    tls.set_verify_callback([fault, host = options_.url.host](bool fine, asio::ssl::verify_context& context) {
      if (!fine) *fault = certificate_fault(context.native_handle(), host);
      return fine;
    });
  }
  tls.async_handshake(asio::ssl::stream_base::client, [self = shared_from_this(), fault](const Error& error) {
    if (self->over()) return;
    if (error) return self->fail(tls_failure(error, *fault, self->options_));
    self->send_request();
  });
}

void Connector::send_request() {
  step_ = "the upgrade";
  std::string key = websocket::make_key();
  request_ = upgrade_request(options_, key);
  answer_ = std::make_unique<UpgradeAnswer>(options_, std::move(key));
  write_request(0);
}

void Connector::write_request(std::size_t written) {
  if (written == request_.size()) return read_answer();
  stream_->async_write_some(asio::buffer(request_) + written,
                            [self = shared_from_this(), written](const Error& error, std::size_t count) {
                              if (self->over()) return;
                              if (error) return self->fail_exchange(error);
                              self->write_request(written + count);
                            });
}

void Connector::read_answer() {
  stream_->async_read_some(asio::buffer(buffer_),
                           [self = shared_from_this()](const Error& error, std::size_t count) {
                             if (self->over()) return;
                             if (error == asio::error::eof || error == asio::ssl::error::stream_truncated ||
                                 error == asio::error::connection_reset) {
                               return self->on_answer(self->answer_->end());
                             }
                             if (error) return self->fail_exchange(error);
                             self->on_answer(self->answer_->feed({self->buffer_.data(), count}));
                           });
}

void Connector::on_answer(UpgradeAnswer::Status status) {
  switch (status) {
    case UpgradeAnswer::Status::kNeedMore:
      return read_answer();
    case UpgradeAnswer::Status::kRefused:
      return fail(answer_->failure());
    case UpgradeAnswer::Status::kAccepted:
      break;
  }
  OpenedStream opened{std::move(stream_), answer_->deflate(), answer_->take_rest()};
  const auto handler = std::move(handlers_.opened);
  finish();
  handler(std::move(opened));
}

void Connector::on_limit() {
  fail_unreachable(
      fmt::format("{} took longer than {} ms", step_,
                  std::chrono::duration_cast<std::chrono::milliseconds>(options_.connect_timeout).count()));
}

void Connector::fail_unreachable(const std::string& why) {
  const char* proxy = stream_ ? nullptr : unused_proxy(options_.url);
  fail(connect_failure(
      FailureKind::kUnreachable,
      fmt::format("cannot reach {}: {}{}", options_.url.display(), why,
                  proxy != nullptr ? fmt::format("; {} is set, but proxies are not used", proxy) : ""),
      Lasting::kNo));
}

void Connector::fail_exchange(const Error& error) {
  if (const auto refused = certificate_refusal(error, options_)) return fail(*refused);
  fail_unreachable(error.message());
}

void Connector::fail(const ConnectFailure& failure) {
  const auto handler = std::move(handlers_.failed);
  // A copy: it may belong to the answer, which finish() drops.
  const ConnectFailure reported = failure;
  finish();
  handler(reported);
}

void Connector::finish() {
  over_ = true;
  handlers_ = {};
  resolver_.cancel();
  deadline_.cancel();
  patience_.cancel();
  Error ignored;
  if (socket_) socket_->close(ignored);
  if (stream_) stream_->close();
}

}  // namespace wskit::client
