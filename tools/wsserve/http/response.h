// HTTP responses as text.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/protocol/error.h"
#include "wsserve/http/request_reader.h"

namespace wskit::server::http {

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string_view cache_control = "no-store";
  std::vector<std::pair<std::string, std::string>> headers;
};

// Turns the error of a refused command into the answer to a refused request.
[[nodiscard]] HttpError to_http(const protocol::Error& error);

// 405. `allowed`: the methods that are served at the path of the request, the first
// one recommended; OPTIONS is served everywhere.
[[nodiscard]] HttpError method_not_allowed(const Request& request, const std::string& allowed);

// The one line of JSON that every refusal has as its body.
[[nodiscard]] Response error_response(const HttpError& error);

// `head`: the answer to HEAD, which has everything but the body. `more`: headers
// besides those of the response.
[[nodiscard]] std::string serialize(const Response& response, bool keep_alive, bool head,
                                    std::span<const std::pair<std::string, std::string>> more = {});

// The head of a stream of server-sent events, which ends with the connection.
[[nodiscard]] std::string serialize_event_stream(
    std::span<const std::pair<std::string, std::string>> headers = {});

// 101 Switching Protocols with the given headers.
[[nodiscard]] std::string serialize_upgrade(std::span<const std::pair<std::string, std::string>> headers);

}  // namespace wskit::server::http
