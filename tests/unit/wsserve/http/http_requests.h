// Requests as the router and the upgrade see them, made without a parser.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wsserve/http/request_reader.h"

namespace wskit::server::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

// A request for `target`, whose query stands behind the `?`.
inline Request request_for(std::string_view target, std::string method = "GET", Headers headers = {}) {
  const std::size_t mark = target.find('?');
  Request request;
  request.method = std::move(method);
  request.path = target.substr(0, mark);
  if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
  request.headers = std::move(headers);
  return request;
}

// The headers of the handshake of RFC 6455 section 1.3.
inline Headers handshake_headers() {
  return {{"host", "localhost"},
          {"upgrade", "websocket"},
          {"connection", "Upgrade"},
          {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="},
          {"sec-websocket-version", "13"}};
}

}  // namespace wskit::server::http
