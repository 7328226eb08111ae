// What a connection reads: requests, then frames.
#include <algorithm>
#include <array>
#include <cerrno>
#include <random>

#include "common/websocket/handshake.h"
#include "common/websocket/message_writer.h"
#include "wsserve/auth/permissions.h"
#include "wsserve/channel/hub.h"
#include "wsserve/connection/connection.h"
#include "wsserve/connection/host.h"
#include "wsserve/connection/logs.h"
#include "wsserve/http/host.h"
#include "wsserve/http/pages.h"
#include "wsserve/http/publish_request.h"
#include "wsserve/http/response.h"
#include "wsserve/http/router.h"
#include "wsserve/http/upgrade.h"
#include "wsserve/settings.h"
#include "wsserve/transport/first_bytes.h"

namespace wskit::server {

using protocol::CloseCode;
using websocket::MessageReader;

namespace {

http::Addresses addresses(const Settings& settings) {
  return {.endpoints = settings.endpoints,
          .default_channels = settings.default_channels,
          .max_channels = settings.max_channels_per_connection,
          .pace = settings.pace,
          .echo = settings.echo};
}

}  // namespace

void Connection::read() {
  if (awaits_tls_ || writer_.transport().tls() != nullptr) return read_tls();
  const std::span<char> buffer = host_.receive_buffer;
  const ssize_t count = writer_.transport().receive(buffer);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (count == 0) return take_end();
  if (count < 0) return abort();
  take(buffer.first(static_cast<std::size_t>(count)));
}

// It asks for nothing more, and still wants the answers that it does not have. Those
// that the store has come first: resume() takes the end up again.
void Connection::take_end() {
  if (phase_ == Phase::kDead || is_suspended() || will_close()) return;
  writer_.finish_when_written();
  flush();
  if (phase_ == Phase::kDead) return;
  if (phase_ != Phase::kHttp || writer_.is_idle()) return abort();
  writer_.pause();
  watch();
}

void Connection::take(std::span<char> bytes) {
  host_.counters.bytes_in.add(bytes.size());
  record_.bytes_in += bytes.size();
  last_heard_ = host_.now;
  // The reader of a stream has nothing more to say.
  if (stream_ != nullptr) return;
  if (phase_ == Phase::kOpen) {
    read_frames(bytes);
  } else if (phase_ == Phase::kHttp) {
    read_http({bytes.data(), bytes.size()});
  }
}

// --- HTTP ----------------------------------------------------------------

void Connection::read_http(std::string_view bytes) {
  if (writer_.is_finishing()) return;
  if (!answered_ && begins_tls(bytes) && !http_->mid_request()) return refuse_tls_hello();
  begin_request();
  owes_answer_ = true;
  serve_requests(http_->feed(bytes));
}

void Connection::ask_for_body() {
  if (!http_->take_expectation()) return;
  writer_.queue([](Outbound& queue) { queue.append_http("HTTP/1.1 100 Continue\r\n\r\n"); });
}

// The request at hand and those that were sent behind it.
void Connection::serve_requests(http::RequestReader::Status status) {
  using Status = http::RequestReader::Status;
  while (status == Status::kRequest && phase_ == Phase::kHttp) {
    host_.counters.http_requests.add();
    owes_answer_ = true;
    handle_request(http_->request());
    // Requests that were sent ahead without reading the answers are not served on
    // and on: the connection ends with the answers it has.
    if (phase_ == Phase::kHttp && !writer_.takes_answers()) writer_.finish_when_written();
    if (phase_ != Phase::kHttp || writer_.is_finishing() || is_suspended()) return;
    status = http_->next();
  }
  if (status == Status::kError) return refuse_unreadable();
  if (status == Status::kNeedMore) ask_for_body();
}

void Connection::handle_request(http::Request& request) {
  // The time that is left was given to this one.
  if (host_.draining) request.keep_alive = false;
  client_.meet_sender(request);
  if (const auto problem = http::host_problem(request)) return refuse_http(*problem);
  http::Route route = http::route(request, addresses(*host_.settings));
  const http::Opens opens = http::opens(request, route);
  // Whether it is granted or not: --max-requests does not count it.
  if (opens == http::Opens::kStream) request.keep_alive = false;
  if (turn_away(request, opens)) return;
  if (const auto problem = page_problem(request)) {
    host_.counters.refused_origin.add();
    return send_http(http::error_response(*problem), request.keep_alive, request.method == "HEAD");
  }
  if (request.method == "OPTIONS") return answer_options(std::get_if<http::HttpError>(&route), request);
  const bool head = request.method == "HEAD";
  if (const auto* error = std::get_if<http::HttpError>(&route)) {
    return send_http(http::error_response(*error), request.keep_alive, head);
  }
  // A WebSocket can bring its token later.
  const bool later = std::holds_alternative<http::CommandSocket>(route) && http::wants_upgrade(request);
  const auto identified =
      client_.identify(request, later ? auth::Gate::Purpose::kSocket : auth::Gate::Purpose::kRequest);
  if (!identified && !http::is_open(route)) {
    return send_http(http::error_response(http::to_http(identified.error())), request.keep_alive, head);
  }
  if (const auto* page = std::get_if<http::Page>(&route)) {
    return send_http(http::answer(*page, request, host_.server, client_.identity()), request.keep_alive,
                     head);
  }
  if (const auto* history = std::get_if<http::HistoryRequest>(&route)) {
    return answer_history(*history, request.keep_alive, head);
  }
  if (const auto* target = std::get_if<http::PublishTarget>(&route)) {
    // Those who listen may be gone before it reaches them.
    if (host_.quiet) {
      return answer_http(
          protocol::Error{protocol::ErrorCode::kUnavailable,
                          "the server is shutting down and takes no events; send it again in a moment",
                          {}});
    }
    if (auto error = auth::check_publish(client_.identity(), target->channel))
      return answer_http(std::move(*error));
    const auto publish = http::parse_publish_request(request, target->channel);
    if (!publish) return answer_http(publish.error());
    return host_.commands.publish_over_http(*this, *publish);
  }
  if (const auto* asked = std::get_if<http::AdminRequest>(&route)) {
    return host_.commands.administer(*this, *asked);
  }
  if (auto* stream = std::get_if<http::EventStreamRequest>(&route)) return open_stream(*stream, head);
  open_websocket(request);
}

void Connection::answer_history(const http::HistoryRequest& request, bool keep_alive, bool head) {
  if (const auto error = auth::check_read(client_.identity(), request.channel)) {
    return send_http(http::error_response(http::to_http(*error)), keep_alive, head);
  }
  Channel* channel = host_.hub.find(request.channel);
  if (channel == nullptr) return send_http(http::no_such_channel(request.channel), keep_alive, head);
  const auto answer = [request, keep_alive, head](Connection& asking,
                                                  const protocol::Result<HistoryPage>& page) {
    asking.send_http(
        page ? http::history_response(request, *page) : http::error_response(http::to_http(page.error())),
        keep_alive, head);
  };
  host_.commands.read_page(*this, *channel, request.since, request.limit,
                           host_.settings->message_limits.max_message_bytes, answer);
}

void Connection::send_http(const http::Response& response, bool keep_alive, bool head) {
  if (response.status >= 400) host_.counters.http_errors.add();
  if (response.status == 401) host_.counters.unauthorized.add();
  if (response.status == 403) host_.counters.forbidden.add();
  if (response.status >= 400) logs::refuse_request(host_, client_, http_->request(), response);
  Outbound& queue = writer_.outbound();
  const std::size_t before = queue.bytes();
  queue.append_http(http::serialize(response, keep_alive, head, page_headers()));
  owes_answer_ = false;
  if (!keep_alive) {
    writer_.finish_when_written();
    host_.wheel.schedule(*this, host_.now + host_.settings->close_timeout);
  } else {
    const Settings& settings = *host_.settings;
    host_.wheel.schedule(*this, host_.now + std::min(settings.handshake_timeout, settings.idle_timeout));
    answered_ = true;
  }
  writer_.queue_changed(before);
}

void Connection::answer_http(const protocol::Result<std::string>& body) {
  const bool keep_alive = http_->request().keep_alive;
  const bool head = http_->request().method == "HEAD";
  if (!body) return send_http(http::error_response(http::to_http(body.error())), keep_alive, head);
  http::Response response;
  response.body = *body;
  send_http(response, keep_alive, head);
}

void Connection::refuse_http(const http::HttpError& error) {
  if (error.status == 413) host_.counters.too_large.add();
  send_http(http::error_response(error), false, false);
}

void Connection::refuse_unreadable() {
  client_.meet_sender(http_->request());
  refuse_http(http_->error());
}

void Connection::open_websocket(http::Request& request) {
  http::Route route = http::route(request, addresses(*host_.settings));
  const bool keep_alive = request.keep_alive;
  if (!http::wants_upgrade(request)) {
    return send_http(http::error_response(http::upgrade_required()), keep_alive, false);
  }
  if (host_.server.draining()) {
    return refuse_http({.status = 503,
                        .code = "UNAVAILABLE",
                        .message = "the server is shutting down; come back in a moment",
                        .headers = {{"Retry-After", "1"}}});
  }
  http::UpgradeResult result = http::accept_upgrade(request, host_.settings->deflate);
  if (!result.upgrade) return refuse_http(result.error);
  const auto* commands = std::get_if<http::CommandSocket>(&route);
  if (commands != nullptr) {
    for (const std::string& channel : commands->channels) {
      if (client_.identity().awaits_token || commands->options.defaults) break;
      if (const auto error = auth::check_subscribe(client_.identity(), channel))
        return refuse_http(http::to_http(*error));
    }
  }
  if (commands != nullptr) host_.counters.unknown_parameters.add(commands->unknown_parameters);
  std::string rest = http_->take_rest();
  // The limits of the frames that follow are the echo service's.
  if (commands == nullptr) reader_ = MessageReader(websocket::Role::kServer, kEchoLimits);
  if (result.upgrade->deflate) agree_on_deflate(*result.upgrade->deflate);
  writer_.put_http(result.upgrade->response);
  http_.reset();
  phase_ = Phase::kOpen;
  owes_answer_ = false;
  host_.counters.connections.add();
  if (!host_.server.admit()) {
    host_.counters.refused.add();
    return close(CloseCode::kTryAgainLater, "too many connections; come back later");
  }
  if (const auto reason = client_.enter()) {
    host_.counters.refused.add();
    return close(CloseCode::kTryAgainLater, *reason);
  }
  if (commands != nullptr) {
    begin_service(Service::kCommands, commands->channels, commands->options);
  } else {
    begin_service(Service::kEcho, {}, {});
  }
  if (rest.empty()) return;
  read_frames(rest);
}

void Connection::agree_on_deflate(const websocket::DeflateParameters& parameters) {
  if (parameters.client_no_context_takeover) {
    reader_.share_inflater(&host_.inflater);
  } else {
    reader_.own_inflater(std::make_unique<websocket::Inflater>(parameters.client_max_window_bits, true));
  }
  if (parameters.server_no_context_takeover && parameters.server_max_window_bits == 15) {
    set_wire_form(WireForm::kDeflated);
  } else {
    set_wire_form(WireForm::kOwn);
    deflater_ = std::make_unique<websocket::Deflater>(parameters.server_max_window_bits,
                                                      !parameters.server_no_context_takeover);
  }
}

void Connection::begin_service(Service service, const std::vector<std::string>& channels,
                               const SubscribeOptions& options) {
  service_ = service;
  constexpr std::array<std::string_view, 3> kKinds{"websocket", "echo", "events"};
  logs::connect(host_, client_, kKinds[static_cast<std::size_t>(service)]);
  record_.connected_at = protocol::system_now();
  client_.take_seat();
  default_filter_ = options.filter;
  default_pace_ = options.pace;
  if (options.heartbeat) {
    const bool none = options.heartbeat->count() == 0;
    heartbeat_ = none ? *options.heartbeat : std::max(*options.heartbeat, host_.settings->min_heartbeat);
  }
  json_heartbeats_ = service == Service::kCommands && heartbeat_.count() > 0;
  // The first one at a random moment, so that connections that came together do
  // not beat together for ever.
  thread_local std::minstd_rand random(std::random_device{}());
  const auto interval = ping_interval();
  next_beat_ = host_.now + interval / 2 +
               std::chrono::milliseconds(random() % static_cast<unsigned long>(interval.count() / 2 + 1));
  if (service == Service::kCommands) {
    host_.server.people().enter(people::People::key(host_.index, number()));
    const FirstSubscriptions first{
        .channels = channels, .defaults = options.defaults, .since = options.since};
    if (client_.identity().awaits_token) client_.await_token(first);
    host_.commands.welcome(*this, first, heartbeat_);
  }
  schedule_beat();
  writer_.flush_later();
}

// --- Frames --------------------------------------------------------------

void Connection::read_frames(std::span<char> bytes) {
  reader_.feed(bytes);
  // What was sent before another one's reason to close is carried out; behind a reason
  // of its own nothing is.
  const bool is_closing = will_close();
  while (phase_ == Phase::kOpen && will_close() == is_closing) {
    if (is_suspended()) {
      return pending_->keep_unread(reader_.take_back());
    }
    const MessageReader::Item item = reader_.next();
    switch (item.kind) {
      case MessageReader::Kind::kNeedMore:
        return;
      case MessageReader::Kind::kMessage:
        handle_message(item);
        break;
      case MessageReader::Kind::kPing:
        answer_ping(item.payload);
        break;
      case MessageReader::Kind::kPong:
        break;
      case MessageReader::Kind::kClose:
        return close(item.code, {});
      case MessageReader::Kind::kViolation:
        host_.counters.closed_violation.add();
        if (item.code == CloseCode::kTooBig) host_.counters.too_large.add();
        return close(item.code, item.reason);
    }
  }
}

void Connection::handle_message(const MessageReader::Item& item) {
  ++record_.messages_in;
  if (service_ == Service::kEcho) return echo(item);
  if (item.opcode != websocket::Opcode::kText) {
    host_.counters.closed_violation.add();
    return close(CloseCode::kUnsupportedData, "commands are JSON in text messages; this one was binary");
  }
  host_.commands.run(*this, {item.payload.data(), item.payload.size()});
}

void Connection::echo(const MessageReader::Item& item) {
  Outbound& queue = writer_.outbound();
  const std::size_t before = queue.bytes();
  const std::string_view payload(item.payload.data(), item.payload.size());
  if (wire_form() == WireForm::kPlain) {
    websocket::append_frame(queue.replies(), item.opcode, payload, nullptr);
  } else {
    websocket::Deflater& deflater = wire_form() == WireForm::kOwn ? *deflater_ : host_.deflater;
    std::string compressed;
    deflater.compress(payload, compressed);
    websocket::append_frame(queue.replies(), item.opcode, compressed, nullptr, true);
  }
  writer_.queue_changed(before);
}

void Connection::answer_ping(std::span<const char> payload) {
  Outbound& queue = writer_.outbound();
  const std::size_t before = queue.bytes();
  if (writer_.is_blocked()) {
    std::string pong;
    websocket::append_frame(pong, websocket::Opcode::kPong, {payload.data(), payload.size()}, nullptr);
    if (queue.put_control(pong, Outbound::Control::kPong)) host_.counters.merged_pongs.add();
  } else {
    websocket::append_frame(queue.replies(), websocket::Opcode::kPong, {payload.data(), payload.size()},
                            nullptr);
  }
  writer_.queue_changed(before);
}

}  // namespace wskit::server
