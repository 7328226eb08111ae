#include "wsserve/http/pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/replace.hpp>

#include "common/protocol/json_writer.h"
#include "common/protocol/one_line.h"
#include "common/protocol/quote.h"
#include "common/version.h"
#include "wsserve/channel/history_page.h"
#include "wsserve/http/asset.h"
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

// The addresses, for whoever opens the printed one.
std::string address_table() {
  std::size_t width = 0;
  for (const Resource& each : resources()) width = std::max(width, each.path.size());
  std::string table;
  for (const Resource& each : resources()) {
    table += fmt::format("{:<{}}  {}{}\n", each.path, width, each.help,
                         each.access == Access::kAdministrators ? "; for administrators" : "");
  }
  return table;
}

constexpr std::string_view kAbout =
    "wskit/" WSKIT_VERSION ": a server for streams of events. It has no page yet; these are its addresses:";

std::string front_html() {
  std::string addresses = address_table();
  boost::algorithm::replace_all(addresses, "<", "&lt;");
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>wskit</title>\n"
      "<h1>wskit</h1>\n<p>{}</p>\n<pre>{}</pre>\n</html>\n",
      kAbout, addresses);
}

Response front_page(const Request& request) {
  static const Asset text("text/plain; charset=utf-8", fmt::format("{}\n\n{}", kAbout, address_table()));
  static const Asset html("text/html; charset=utf-8", front_html());
  const bool is_browser = request.header("accept").find("text/html") != std::string::npos;
  Response response = (is_browser ? html : text).respond(request);
  response.headers.emplace_back("Vary", "Accept, Accept-Encoding");
  if (!is_browser) return response;
  response.headers.emplace_back("Content-Security-Policy", "default-src 'none'");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
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

Response answer(Address page, const Request& request, const ServerView& server,
                const auth::Identity& asking) {
  Response response;
  switch (page) {
    case Address::kHealth:
      response.body = "{\"status\":\"ok\"}\n";
      break;
    case Address::kReady:
      return readiness(server);
    case Address::kStats:
      response.body = server.stats(asking) + "\n";
      break;
    case Address::kFront:
      return front_page(request);
    case Address::kMetrics:
      response.content_type = "text/plain; version=0.0.4; charset=utf-8";
      response.body = server.metrics();
      break;
    default:
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
