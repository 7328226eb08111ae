// Serves HTTP: one request after the other is read, judged and answered, until one of them opens
// a WebSocket or an event stream.
//
// Commands that came as a request answer through it. Threads: one, the shard's.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/protocol/error.h"
#include "wsserve/connection/connection.h"
#include "wsserve/connection/service.h"
#include "wsserve/http/request_reader.h"
#include "wsserve/http/router.h"

namespace wskit::server {

namespace http {
struct Response;
}  // namespace http

class Exchange final : public Service {
 public:
  explicit Exchange(Connection& connection);
  ~Exchange() override;

  [[nodiscard]] Connection& connection() const { return connection_; }
  [[nodiscard]] Client& client() const { return connection_.client(); }

  // Answers the request at hand: with 200 and a line of JSON, or with the refusal.
  void answer(const protocol::Result<std::string>& body);
  // Answers it once the store has settled the events that it publishes.
  void await(PublishedReply reply);
  // Answers it with a stream of server-sent events. Null: the stream has ended already, for the
  // server has no room.
  [[nodiscard]] Peer* begin_stream(const http::EventStreamRequest& request);

  // Service.
  void on_bytes(std::span<char> bytes) override;
  void on_end() override;
  void on_plain_http() override;
  void on_deadline() override;
  [[nodiscard]] bool on_settled(const SettledReply& settled) override;
  void on_resumed() override;
  void begin_close(protocol::CloseCode /*code*/, std::string_view /*reason*/) override {}
  void on_drain(std::chrono::milliseconds come_back_after) override;
  void on_failure() override;

 private:
  [[nodiscard]] Host& host() const { return connection_.host(); }
  [[nodiscard]] Writer& writer() const { return connection_.writer(); }
  // It serves no more requests: it has opened something, or the connection is lost.
  [[nodiscard]] bool is_over() const { return !reader_ || connection_.is_dead(); }

  // Serves the request at hand and those that were sent behind it.
  void serve(http::RequestReader::Status status);
  void handle(http::Request& request);
  void handle_route(const http::Route& route, http::Request& request);
  // True: the request was answered, for it may not be served now.
  [[nodiscard]] bool reject(const http::Request& request, http::Opens opens);
  void publish(const http::PublishTarget& target, const http::Request& request);
  void answer_history(const http::HistoryRequest& request, bool keep_alive, bool head);
  void open_websocket(const http::Route& route, http::Request& request);
  void open_stream(const http::EventStreamRequest& request, bool head);
  // The next service serves from here on; the request at hand is freed.
  void open(std::unique_ptr<Service> next);

  // Where the client waits for that: tells it to send the body of its request.
  void ask_for_body();
  // Bytes of a request have come: the time for it begins, if it is a further one.
  void begin_request_time();

  // Pages of others.
  [[nodiscard]] std::optional<http::HttpError> page_problem(const http::Request& request) const;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> page_headers();
  void answer_options(const http::HttpError* refusal, const http::Request& request);

  void send(const http::Response& response, bool keep_alive, bool head);
  // The connection's last answer.
  void refuse(const http::HttpError& error);
  // The reader's error.
  void refuse_unreadable();
  void refuse_tls_hello();

  Connection& connection_;
  std::optional<http::RequestReader> reader_;  // nothing: a WebSocket or a stream was opened
  bool answered_ = false;                      // a request: the connection may wait for another one
  bool owes_answer_ = false;                   // bytes of a request have come that nothing was said to yet
};

}  // namespace wskit::server
