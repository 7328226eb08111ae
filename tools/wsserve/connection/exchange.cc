#include "wsserve/connection/exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "wsserve/auth/permissions.h"
#include "wsserve/channel/hub.h"
#include "wsserve/connection/host.h"
#include "wsserve/connection/logs.h"
#include "wsserve/http/cors.h"
#include "wsserve/http/host.h"
#include "wsserve/http/origin.h"
#include "wsserve/http/pages.h"
#include "wsserve/http/publish_request.h"
#include "wsserve/http/response.h"
#include "wsserve/http/upgrade.h"
#include "wsserve/log/server_log.h"
#include "wsserve/settings.h"
#include "wsserve/transport/first_bytes.h"

namespace wskit::server {

namespace {

http::Addresses addresses(const Settings& settings) {
  return {.endpoints = settings.endpoints,
          .default_channels = settings.default_channels,
          .max_channels = settings.max_channels_per_connection,
          .pace = settings.pace,
          .echo = settings.echo};
}

http::HttpError too_many(const std::string& what, std::chrono::nanoseconds wait) {
  const auto seconds =
      std::max<std::chrono::seconds>(std::chrono::ceil<std::chrono::seconds>(wait), std::chrono::seconds{1});
  return {.status = 429,
          .code = "RATE_LIMITED",
          .message = what,
          .headers = {{"Retry-After", std::to_string(seconds.count())}}};
}

}  // namespace

Exchange::Exchange(Connection& connection)
    : connection_(connection), reader_(std::in_place, connection.host().settings->http_limits) {}

Exchange::~Exchange() = default;

// --- Reading ---------------------------------------------------------------------

void Exchange::on_bytes(std::span<char> bytes) {
  if (writer().is_finishing()) return;
  const std::string_view text(bytes.data(), bytes.size());
  if (!answered_ && begins_tls(text) && !reader_->mid_request()) return refuse_tls_hello();
  begin_request_time();
  owes_answer_ = true;
  serve(reader_->feed(text));
}

void Exchange::ask_for_body() {
  if (!reader_->take_expectation()) return;
  writer().queue([](Outbound& queue) { queue.append_http("HTTP/1.1 100 Continue\r\n\r\n"); });
}

void Exchange::serve(http::RequestReader::Status status) {
  using Status = http::RequestReader::Status;
  while (status == Status::kRequest && !is_over()) {
    host().counters.http_requests.add();
    owes_answer_ = true;
    handle(reader_->request());
    // Requests that were sent ahead without reading the answers are not served on
    // and on: the connection ends with the answers it has.
    if (!is_over() && !writer().takes_answers()) writer().finish_when_written();
    if (is_over() || writer().is_finishing() || connection_.is_suspended()) return;
    status = reader_->next();
  }
  if (status == Status::kError) return refuse_unreadable();
  if (status == Status::kNeedMore) ask_for_body();
}

// --- One request -----------------------------------------------------------------

void Exchange::handle(http::Request& request) {
  // The time that is left was given to this one.
  if (host().draining) request.keep_alive = false;
  client().meet_sender(request);
  if (const auto problem = http::host_problem(request)) return refuse(*problem);
  const http::Route route = http::route(request, addresses(*host().settings));
  const http::Opens opens = http::opens(request, route);
  // Whether it is granted or not: --max-requests does not count it.
  if (opens == http::Opens::kStream) request.keep_alive = false;
  if (reject(request, opens)) return;
  const bool head = request.method == "HEAD";
  if (const auto problem = page_problem(request)) {
    host().counters.refused_origin.add();
    return send(http::error_response(*problem), request.keep_alive, head);
  }
  if (request.method == "OPTIONS") return answer_options(std::get_if<http::HttpError>(&route), request);
  if (const auto* error = std::get_if<http::HttpError>(&route)) {
    return send(http::error_response(*error), request.keep_alive, head);
  }
  // A WebSocket can bring its token later.
  const bool later = std::holds_alternative<http::CommandSocket>(route) && http::wants_upgrade(request);
  const auto identified =
      client().identify(request, later ? auth::Gate::Purpose::kSocket : auth::Gate::Purpose::kRequest);
  if (!identified && !http::is_open(route)) {
    return send(http::error_response(http::to_http(identified.error())), request.keep_alive, head);
  }
  handle_route(route, request);
}

void Exchange::handle_route(const http::Route& route, http::Request& request) {
  const bool head = request.method == "HEAD";
  if (const auto* page = std::get_if<http::Address>(&route)) {
    return send(http::answer(*page, request, host().server, client().identity()), request.keep_alive, head);
  }
  if (const auto* history = std::get_if<http::HistoryRequest>(&route)) {
    return answer_history(*history, request.keep_alive, head);
  }
  if (const auto* target = std::get_if<http::PublishTarget>(&route)) return publish(*target, request);
  if (const auto* asked = std::get_if<http::AdminRequest>(&route)) {
    return host().commands.administer(*this, *asked);
  }
  if (const auto* stream = std::get_if<http::EventStreamRequest>(&route)) return open_stream(*stream, head);
  open_websocket(route, request);
}

// WebSockets and streams are told in their own words that there are too many.
bool Exchange::reject(const http::Request& request, http::Opens opens) {
  const bool head = request.method == "HEAD";
  if (const Rejection* why = client().rejection()) {
    if (opens != http::Opens::kNothing) return false;
    client().count_rejection();
    send(http::error_response(too_many(why->reason(), why->retry_after)), false, head);
    return true;
  }
  // A browser would never ask for a stream again that was answered with 429.
  if (opens == http::Opens::kStream) return false;
  const auto wait = client().request_wait();
  if (wait == std::chrono::nanoseconds::zero()) return false;
  host().counters.rate_limited_requests.add();
  const std::string what = fmt::format("an address may send {} requests a second; come back in a moment",
                                       host().settings->limits.requests_per_address.per_second);
  send(http::error_response(too_many(what, wait)), request.keep_alive, head);
  return true;
}

void Exchange::publish(const http::PublishTarget& target, const http::Request& request) {
  // Those who listen may be gone before it reaches them.
  if (host().quiet) {
    return answer(
        protocol::Error{protocol::ErrorCode::kUnavailable,
                        "the server is shutting down and takes no events; send it again in a moment",
                        {}});
  }
  if (auto error = auth::check_publish(client().identity(), target.channel)) return answer(std::move(*error));
  const auto parsed = http::parse_publish_request(request, target.channel);
  if (!parsed) return answer(parsed.error());
  host().commands.publish_over_http(*this, *parsed);
}

void Exchange::answer_history(const http::HistoryRequest& request, bool keep_alive, bool head) {
  if (const auto error = auth::check_read(client().identity(), request.channel)) {
    return send(http::error_response(http::to_http(*error)), keep_alive, head);
  }
  Channel* channel = host().hub.find(request.channel);
  if (channel == nullptr) return send(http::no_such_channel(request.channel), keep_alive, head);
  const auto then = [this, request, keep_alive, head](const protocol::Result<HistoryPage>& page) {
    send(page ? http::history_response(request, *page) : http::error_response(http::to_http(page.error())),
         keep_alive, head);
  };
  host().commands.read_page(connection_, *channel, request.since, request.limit,
                            host().settings->message_limits.max_message_bytes, then);
}

// --- Pages of others -------------------------------------------------------------

std::optional<http::HttpError> Exchange::page_problem(const http::Request& request) const {
  const auto& ip = client().address().ip();
  const bool loopback = !client().is_behind_proxy() && ip && ip->is_loopback();
  return http::check_origin(request, host().settings->origins,
                            {.loopback = loopback, .tls = writer().transport().tls() != nullptr});
}

std::vector<std::pair<std::string, std::string>> Exchange::page_headers() {
  const http::Request& request = reader_->request();
  return http::cors_headers(request, !page_problem(request));
}

// The router serves OPTIONS nowhere, and its refusal says what is served instead.
void Exchange::answer_options(const http::HttpError* refusal, const http::Request& request) {
  std::string methods = "GET, HEAD, POST, DELETE, OPTIONS";
  if (request.path != "*" && refusal != nullptr) {
    const auto allow =
        std::ranges::find(refusal->headers, "Allow", [](const auto& header) { return header.first; });
    if (allow == refusal->headers.end()) {
      return send(http::error_response(*refusal), request.keep_alive, false);
    }
    methods = allow->second;
  }
  send(http::options_response(request, methods), request.keep_alive, false);
}

// --- Answers ---------------------------------------------------------------------

void Exchange::send(const http::Response& response, bool keep_alive, bool head) {
  ShardCounters& counters = host().counters;
  if (response.status >= 400) counters.http_errors.add();
  if (response.status == 401) counters.unauthorized.add();
  if (response.status == 403) counters.forbidden.add();
  if (response.status >= 400) logs::refuse_request(host(), client(), reader_->request(), response);
  writer().queue([&](Outbound& queue) {
    queue.append_http(http::serialize(response, keep_alive, head, page_headers()));
    owes_answer_ = false;
    const Settings& settings = *host().settings;
    if (!keep_alive) {
      writer().finish_when_written();
      connection_.schedule(host().now + settings.close_timeout);
    } else {
      connection_.schedule(host().now + std::min(settings.handshake_timeout, settings.idle_timeout));
      answered_ = true;
    }
  });
}

void Exchange::answer(const protocol::Result<std::string>& body) {
  const bool keep_alive = reader_->request().keep_alive;
  const bool head = reader_->request().method == "HEAD";
  if (!body) return send(http::error_response(http::to_http(body.error())), keep_alive, head);
  http::Response response;
  response.body = *body;
  send(response, keep_alive, head);
}

void Exchange::refuse(const http::HttpError& error) {
  if (error.status == 413) host().counters.too_large.add();
  send(http::error_response(error), false, false);
}

void Exchange::refuse_unreadable() {
  client().meet_sender(reader_->request());
  refuse(reader_->error());
}

void Exchange::on_plain_http() {
  host().counters.tls_failures.add();
  logs::trouble(host(), client(), Trouble::kTls, "plain HTTP came to a port that speaks TLS");
  refuse({.status = 400,
          .code = "BAD_REQUEST",
          .message = "this port speaks TLS: use https:// or wss://",
          .headers = {}});
}

// In plain HTTP: what a TLS client makes of that ("wrong version number") is known to
// mean that there is no TLS, which no alert of TLS says.
void Exchange::refuse_tls_hello() {
  host().counters.tls_failures.add();
  logs::trouble(host(), client(), Trouble::kTls, "TLS came to a port that does not speak it");
  refuse({.status = 400,
          .code = "BAD_REQUEST",
          .message = "this port does not speak TLS: use http:// or ws://",
          .headers = {}});
}

// --- Answers that waited ---------------------------------------------------------

void Exchange::await(PublishedReply reply) {
  connection_.suspend();
  connection_.await(std::move(reply));
}

// Only one request waits at a time. What was sent behind it is carried out with its answer, and
// may have opened a WebSocket; if it waits, it has registered itself anew.
bool Exchange::on_settled(const SettledReply& settled) {
  connection_.resume([&] {
    if (settled.lost() > 0) return answer(settled.not_stored());
    std::string text;
    settled.append_data_to(text);
    text += '\n';
    answer(text);
  });
  return false;
}

void Exchange::on_resumed() {
  connection_.forget_pending();
  connection_.watch();
  if (!writer().is_finishing()) serve(reader_->next());
  connection_.look_for_end();
}

// --- Time and the end ------------------------------------------------------------

void Exchange::begin_request_time() {
  if (!answered_ || reader_->mid_request()) return;
  connection_.schedule(host().now + host().settings->handshake_timeout);
}

// The time for a request, or for its answer to be taken, or between two is over.
void Exchange::on_deadline() {
  // The request is whole, and its time is the server's.
  if (connection_.is_suspended()) {
    return connection_.schedule(host().now + host().settings->handshake_timeout);
  }
  const bool waits = answered_ && !writer().has_queue() && !reader_->mid_request();
  const auto until = connection_.last_heard() + host().settings->idle_timeout;
  if (waits && !writer().is_finishing() && host().now < until) return connection_.schedule(until);
  if (waits) {
    host().counters.idle_timeouts.add();
  } else if (!writer().is_finishing() || writer().has_queue()) {
    // Also one that does not take the answer that was to be its last.
    host().counters.handshake_timeouts.add();
    logs::trouble(host(), client(), Trouble::kHandshake, "--handshake-timeout is over");
  }
  connection_.abort();
}

void Exchange::on_end() {
  if (writer().is_idle()) return connection_.abort();
  writer().pause();
  connection_.watch();
}

void Exchange::on_drain(std::chrono::milliseconds /*come_back_after*/) {
  // A request that is on its way has its time to end, and is the last one.
  if (reader_->mid_request()) return;
  if (writer().is_idle() && !connection_.is_suspended()) return connection_.abort();
  // The answers that wait, for the socket or for the store, are the last ones.
  writer().finish_when_written();
}

void Exchange::on_failure() {
  if (!owes_answer_ || writer().is_finishing()) return connection_.abort("the server failed");
  connection_.forget_pending();
  const http::HttpError error{
      .status = 500,
      .code = "INTERNAL",
      .message = "the server failed at this request; whether it was carried out is not known",
      .headers = {}};
  send(http::error_response(error), false, reader_->request().method == "HEAD");
  connection_.watch();
}

}  // namespace wskit::server
