#include "wsserve/http/cors.h"

namespace wskit::server::http {

Headers cors_headers(const Request& request, bool allowed) {
  Headers headers{{"Vary", "Origin"}};
  if (!allowed || request.count("origin") == 0) return headers;
  headers.emplace_back("Access-Control-Allow-Origin", request.header("origin"));
  headers.emplace_back("Access-Control-Expose-Headers",
                       "Wskit-Offset, Wskit-Epoch, Wskit-Oldest, Wskit-Recovered, Link, Retry-After");
  return headers;
}

Response options_response(const Request& request, const std::string& methods) {
  Response response;
  response.status = 204;
  response.headers.emplace_back("Allow", methods);
  if (request.count("access-control-request-method") == 0) return response;
  response.headers.emplace_back("Access-Control-Allow-Methods", methods);
  response.headers.emplace_back("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID");
  response.headers.emplace_back("Access-Control-Max-Age", "600");
  // Of a page on the internet that asks for a server in a private network.
  if (request.header("access-control-request-private-network") == "true") {
    response.headers.emplace_back("Access-Control-Allow-Private-Network", "true");
  }
  return response;
}

}  // namespace wskit::server::http
