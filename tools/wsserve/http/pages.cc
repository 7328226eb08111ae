#include "wsserve/http/pages.h"

#include <fmt/format.h>

#include <boost/algorithm/string/replace.hpp>

#include "common/protocol/json_writer.h"
#include "common/protocol/one_line.h"
#include "common/protocol/quote.h"
#include "common/version.h"
#include "wsserve/channel/history_page.h"
#include "wsserve/status/server_view.h"

namespace wskit::server::http {
namespace {

std::string as_array(const HistoryPage& page) {
  std::string body = "[";
  for (const ChunkPtr& frame : page.frames) {
    if (body.size() > 1) body += ',';
    body += frame->text();
  }
  return body + "]\n";
}

std::string as_lines(const HistoryPage& page) {
  std::string body;
  for (const ChunkPtr& frame : page.frames) {
    protocol::append_one_line(body, frame->text());
    body += '\n';
  }
  return body;
}

// A target may hold a `>`, which would end the link.
std::string link_path(const std::string& path) {
  return boost::algorithm::replace_all_copy(path, ">", "%3E");
}

// What there is, for whoever opens the printed address.
constexpr std::string_view kAddresses =
    "/ws                          WebSocket of commands, subscribed to the server's default channels\n"
    "/ws/<channel or pattern>     the same, subscribed to this: /ws/market/AAPL, /ws/market/*\n"
    "/events/<channel or pattern> server-sent events, for EventSource and curl -N\n"
    "/history/<channel>           what was published, as JSON\n"
    "/publish/<channel>           POST publishes the body\n"
    "/channels, /connections      for administrators\n"
    "/ws/stats, /metrics          counters, as JSON and for Prometheus\n"
    "/healthz, /readyz            whether it lives, and whether it may be sent clients\n";

Response front_page(const Request& request) {
  Response response;
  const std::string about =
      "wskit/" WSKIT_VERSION ": a server for streams of events. It has no page yet; these are its addresses:";
  if (request.header("accept").find("text/html") == std::string::npos) {
    response.content_type = "text/plain; charset=utf-8";
    response.body = fmt::format("{}\n\n{}", about, kAddresses);
    return response;
  }
  std::string addresses(kAddresses);
  boost::algorithm::replace_all(addresses, "<", "&lt;");
  response.content_type = "text/html; charset=utf-8";
  response.headers = {{"Content-Security-Policy", "default-src 'none'"},
                      {"X-Content-Type-Options", "nosniff"}};
  response.body = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>wskit</title>\n"
      "<h1>wskit</h1>\n<p>{}</p>\n<pre>{}</pre>\n</html>\n",
      about, addresses);
  return response;
}

Response readiness(const ServerView& server) {
  const std::string why = server.draining() ? "draining" : server.store_problem();
  Response response;
  if (why.empty()) {
    // Another server would not have what is damaged here, so this one stays in service.
    const std::string damage = server.store_damage();
    response.body = R"({"ready":true)";
    if (!damage.empty()) {
      response.body += R"(,"degraded":)";
      protocol::append_json_string(response.body, damage);
    }
    response.body += "}\n";
    return response;
  }
  response.status = 503;
  response.body = R"({"ready":false,"reason":)";
  protocol::append_json_string(response.body, why);
  response.body += "}\n";
  return response;
}

}  // namespace

Response answer(Page page, const Request& request, const ServerView& server, const auth::Identity& asking) {
  Response response;
  switch (page) {
    case Page::kHealth:
      response.body = "{\"status\":\"ok\"}\n";
      break;
    case Page::kReady:
      return readiness(server);
      break;
    case Page::kStats:
      response.body = server.stats(asking) + "\n";
      break;
    case Page::kFront:
      return front_page(request);
    case Page::kMetrics:
      response.content_type = "text/plain; version=0.0.4; charset=utf-8";
      response.body = server.metrics();
      break;
  }
  return response;
}

Response no_such_channel(std::string_view name) {
  return error_response({.status = 404,
                         .code = "NOT_FOUND",
                         .message = "no event was ever published to " + protocol::quote(name),
                         .headers = {}});
}

Response history_response(const HistoryRequest& request, const HistoryPage& page) {
  Response response;
  response.content_type = request.lines ? "application/x-ndjson" : "application/json";
  response.body = request.lines ? as_lines(page) : as_array(page);
  response.headers = {{"Wskit-Offset", std::to_string(page.offset)},
                      {"Wskit-Epoch", std::string(page.epoch)},
                      {"Wskit-Oldest", std::to_string(page.oldest)},
                      {"Wskit-Recovered", page.recovered ? "true" : "false"}};
  if (!page.complete && !page.frames.empty()) {
    response.headers.emplace_back(
        "Link", fmt::format("<{}?since={}:{}&limit={}>; rel=\"next\"", link_path(request.path), page.epoch,
                            page.frames.back()->event.offset, request.limit));
  }
  return response;
}

}  // namespace wskit::server::http
