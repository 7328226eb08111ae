// A request opens a WebSocket or an event stream, which serves the connection from then on.
#include <utility>
#include <variant>

#include "common/protocol/channel.h"
#include "wsserve/auth/permissions.h"
#include "wsserve/connection/echo_service.h"
#include "wsserve/connection/exchange.h"
#include "wsserve/connection/frame_service.h"
#include "wsserve/connection/host.h"
#include "wsserve/connection/stream_service.h"
#include "wsserve/http/event_stream.h"
#include "wsserve/http/response.h"
#include "wsserve/http/upgrade.h"
#include "wsserve/settings.h"

namespace wskit::server {

void Exchange::open(std::unique_ptr<Service> next) {
  owes_answer_ = false;
  reader_.reset();
  connection_.become(std::move(next));
}

void Exchange::open_websocket(const http::Route& route, http::Request& request) {
  if (!http::wants_upgrade(request)) {
    return send(http::error_response(http::upgrade_required()), request.keep_alive, false);
  }
  if (host().server.draining()) {
    return refuse({.status = 503,
                   .code = "UNAVAILABLE",
                   .message = "the server is shutting down; come back in a moment",
                   .headers = {{"Retry-After", "1"}}});
  }
  const auto* commands = std::get_if<http::CommandSocket>(&route);
  const http::Speaks speaks = commands == nullptr ? http::Speaks::kNothing : http::Speaks::kProtocol;
  const http::UpgradeResult result = http::accept_upgrade(request, host().settings->deflate, speaks);
  if (!result.upgrade) return refuse(result.error);
  if (commands != nullptr) {
    for (const std::string& channel : commands->channels) {
      if (client().identity().awaits_token || commands->options.defaults) break;
      if (const auto error = auth::check_subscribe(client().identity(), channel)) {
        return refuse(http::to_http(*error));
      }
    }
    host().counters.unknown_parameters.add(commands->unknown_parameters);
  }
  std::unique_ptr<FrameService> made;
  if (commands != nullptr) {
    made = std::make_unique<FrameService>(connection_, *host().message_limits);
  } else {
    made = std::make_unique<EchoService>(connection_);
  }
  if (result.upgrade->dialect != nullptr) made->speak(*result.upgrade->dialect);
  if (result.upgrade->deflate) made->agree_on_deflate(*result.upgrade->deflate);
  std::string rest = reader_->take_rest();
  writer().put_http(result.upgrade->response);
  FrameService& service = *made;
  open(std::move(made));
  service.open(commands == nullptr ? std::vector<std::string>() : commands->channels,
               commands == nullptr ? SubscribeOptions() : commands->options);
  if (!rest.empty()) service.on_bytes(rest);
}

void Exchange::open_stream(const http::EventStreamRequest& request, bool head) {
  if (!head) return host().commands.open_stream(*this, request);
  const std::string text = http::serialize_event_stream(page_headers());
  writer().queue([&](Outbound& queue) {
    queue.append_http(text);
    writer().finish_when_written();
    connection_.schedule(host().now + host().settings->close_timeout);
  });
}

Peer* Exchange::begin_stream(const http::EventStreamRequest& request) {
  const std::string head = http::serialize_event_stream(page_headers());
  const bool single = request.channels.size() == 1 && !protocol::looks_like_pattern(request.channels.front());
  auto made = std::make_unique<StreamService>(connection_, single, request.named);
  StreamService& stream = *made;
  writer().put_http(head);
  open(std::move(made));
  return stream.open(request.options) ? &stream : nullptr;
}

}  // namespace wskit::server
