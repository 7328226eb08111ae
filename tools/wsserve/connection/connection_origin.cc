// Whose page a request comes from, and what its browser is told.
#include <algorithm>

#include "wsserve/connection/connection.h"
#include "wsserve/connection/host.h"
#include "wsserve/http/cors.h"
#include "wsserve/http/origin.h"
#include "wsserve/http/response.h"

namespace wskit::server {

std::optional<http::HttpError> Connection::page_problem(const http::Request& request) const {
  const auto& ip = client_.address().ip();
  const bool loopback = !client_.is_behind_proxy() && ip && ip->is_loopback();
  return http::check_origin(request, host_.settings->origins,
                            {.loopback = loopback, .tls = writer_.transport().tls() != nullptr});
}

std::vector<std::pair<std::string, std::string>> Connection::page_headers() const {
  const http::Request& request = http_->request();
  return http::cors_headers(request, !page_problem(request));
}

// The router serves OPTIONS nowhere, and its refusal says what is served instead.
void Connection::answer_options(const http::HttpError* refusal, const http::Request& request) {
  std::string methods = "GET, HEAD, POST, DELETE, OPTIONS";
  if (request.path != "*" && refusal != nullptr) {
    const auto allow =
        std::ranges::find(refusal->headers, "Allow", [](const auto& header) { return header.first; });
    if (allow == refusal->headers.end()) {
      return send_http(http::error_response(*refusal), request.keep_alive, false);
    }
    methods = allow->second;
  }
  send_http(http::options_response(request, methods), request.keep_alive, false);
}

}  // namespace wskit::server
