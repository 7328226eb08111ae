#include "common/client/client.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <random>
#include <utility>

#include "common/client/connection.h"
#include "common/client/connector.h"
#include "common/client/retry_plan.h"
#include "common/client/tls.h"
#include "common/client/token_keeper.h"
#include "common/protocol/reply_decoder.h"

namespace wskit::client {
namespace {

namespace asio = boost::asio;

std::uint64_t draw_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

// No server means a longer one.
constexpr double kLongestHeartbeatSeconds = 86'400;

// What `connected` says; nothing for any other message.
std::optional<Hello> parse_hello(std::string_view text) {
  protocol::ReplyDecoder decoder;
  const protocol::DecodedReply& decoded = decoder.decode(text);
  const auto* connected = decoded.as<protocol::Connected>();
  if (connected == nullptr) return std::nullopt;
  const double heartbeat = std::clamp(connected->heartbeat_seconds, 0.0, kLongestHeartbeatSeconds);
  return Hello{.connection = std::string(connected->connection),
               .server = std::string(connected->server),
               .heartbeat = std::chrono::nanoseconds{static_cast<std::int64_t>(heartbeat * 1e9)},
               .max_message_bytes = connected->max_message_bytes};
}

}  // namespace

class Client::State : public Connection::Owner, public std::enable_shared_from_this<State> {
 public:
  State(asio::io_context& io, ClientOptions options, ClientHandler& handler)
      : io_(io),
        options_(std::move(options)),
        handler_(&handler),
        plan_(options_.reconnect, options_.seed != 0 ? options_.seed : draw_seed()),
        retry_timer_(io),
        token_(std::make_shared<TokenKeeper>(
            io, options_.token, options_.token_file,
            TokenKeeper::Handlers{
                .send = [this](std::string_view command) { connection_->send(command); },
                .renewed = [this] { handler_->on_token_renewed(); },
                .trouble = [this](std::string_view message) { handler_->on_token_trouble(message); }})) {
    if (options_.url.transport == Transport::kTls) tls_ = make_tls_context(options_.tls);
  }

  void connect() {
    token_->refresh();
    connector_ = std::make_shared<Connector>(
        io_, options_, tls_,
        Connector::Handlers{.opened = [self = shared_from_this()](
                                          OpenedStream stream) { self->on_opened(std::move(stream)); },
                            .failed =
                                [self = shared_from_this()](const ConnectFailure& why) {
                                  self->connector_.reset();
                                  self->on_failure(why, false);
                                }});
    connector_->start();
  }

  void drop() {
    handler_ = nullptr;
    retry_timer_.cancel();
    token_->close();
    if (connector_) std::exchange(connector_, nullptr)->cancel();
    if (connection_) std::exchange(connection_, nullptr)->drop();
  }

  void close(protocol::CloseCode code, std::string_view reason) {
    if (closing_) return;
    closing_ = true;
    if (connection_) return connection_->close(code, reason);
    retry_timer_.cancel();
    if (connector_) std::exchange(connector_, nullptr)->cancel();
    asio::post(io_, [self = shared_from_this()] { self->finish({}); });
  }

  void on_text(std::string_view text) override {
    if (std::exchange(hello_expected_, false)) {
      if (std::optional<Hello> hello = parse_hello(text)) {
        hello_ = std::move(*hello);
        if (hello_.heartbeat.count() > 0) connection_->set_heartbeat(hello_.heartbeat);
      }
    }
    if (token_->takes(text)) return;
    handler_->on_message(text);
  }

  void on_batch_end() override { handler_->on_batch_end(); }
  void on_writable() override { handler_->on_writable(); }

  void on_closed(const ConnectFailure& why) override {
    const auto self = shared_from_this();
    connection_.reset();
    token_->close();
    if (closing_) return finish({});
    on_failure(why, true);
  }

  void progressed() { plan_.progressed(); }

  void retry_now() {
    // Nothing to cancel: no attempt is waited for, or it begins by itself in this turn.
    if (retry_timer_.cancel() > 0 && handler_ != nullptr && !closing_) connect();
  }

  [[nodiscard]] const std::shared_ptr<Connection>& connection() const { return connection_; }
  [[nodiscard]] const Hello& hello() const { return hello_; }
  [[nodiscard]] const ClientStatistics& statistics() const { return statistics_; }
  [[nodiscard]] const ClientOptions& options() const { return options_; }

 private:
  void on_opened(OpenedStream stream) {
    connector_.reset();
    plan_.opened(std::chrono::steady_clock::now());
    ++statistics_.connections;
    hello_ = {};
    hello_expected_ = true;
    connection_ = std::make_shared<Connection>(io_, std::move(stream), options_, statistics_, *this);
    const std::shared_ptr<Connection> opened = connection_;
    token_->open();
    opened->start();
    handler_->on_open();
  }

  // What a newer token may mend.
  [[nodiscard]] static bool is_unauthorized(const Failure& failure) {
    return failure.http_status == 401 || failure.close_code == protocol::CloseCode::kUnauthorized;
  }

  void on_failure(ConnectFailure why, bool was_open) {
    const bool lost = why.temporary;
    if (!why.temporary && is_unauthorized(why.failure)) why.temporary = token_->has_another();
    const std::optional<std::chrono::nanoseconds> wait = plan_.failed(why, std::chrono::steady_clock::now());
    if (!wait) {
      Failure last = why.failure;
      // Whatever the last attempt met: a connection was there and did not come back.
      if (plan_.ever_opened() && lost) last.kind = FailureKind::kLost;
      return finish(last);
    }
    retry_timer_.expires_after(*wait);
    retry_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error && self->handler_ != nullptr && !self->closing_) self->connect();
    });
    handler_->on_disconnect(why.failure, *wait, was_open);
  }

  void finish(const Failure& why) {
    if (ClientHandler* handler = std::exchange(handler_, nullptr)) handler->on_end(why);
  }

  asio::io_context& io_;
  ClientOptions options_;   // of which only the token changes
  ClientHandler* handler_;  // null once it has been told the end
  std::shared_ptr<asio::ssl::context> tls_;
  RetryPlan plan_;
  asio::steady_timer retry_timer_;
  std::shared_ptr<TokenKeeper> token_;
  std::shared_ptr<Connector> connector_;    // while an attempt runs
  std::shared_ptr<Connection> connection_;  // while one is open
  ClientStatistics statistics_;
  Hello hello_;
  bool hello_expected_ = false;
  bool closing_ = false;
};

Client::Client(asio::io_context& io, ClientOptions options, ClientHandler& handler)
    : state_(std::make_shared<State>(io, std::move(options), handler)) {}

Client::~Client() { state_->drop(); }

void Client::start() { state_->connect(); }

void Client::send(std::string_view text) {
  if (state_->connection()) state_->connection()->send(text);
}

std::size_t Client::pending_bytes() const {
  return state_->connection() ? state_->connection()->pending_bytes() : 0;
}

void Client::pause_reading() {
  if (state_->connection()) state_->connection()->pause_reading();
}

void Client::resume_reading() {
  if (state_->connection()) state_->connection()->resume_reading();
}

void Client::close(protocol::CloseCode code, std::string_view reason) { state_->close(code, reason); }

void Client::reconnect(std::string_view reason) {
  const std::shared_ptr<Connection> connection = state_->connection();
  if (connection) connection->give_up(reason);
}

void Client::retry_now() { state_->retry_now(); }

void Client::progressed() { state_->progressed(); }

bool Client::is_open() const { return state_->connection() != nullptr; }

const Hello& Client::hello() const { return state_->hello(); }

const ClientStatistics& Client::statistics() const { return state_->statistics(); }

const ClientOptions& Client::options() const { return state_->options(); }

}  // namespace wskit::client
