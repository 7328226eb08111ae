// One HTTP/1.1 request after the other out of a stream of bytes, by Beast's
// parser, with limits.
//
// Knows no socket. Threads: one, the shard's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wskit::server::http {

// The answer to a refused request.
struct HttpError {
  unsigned status = 400;
  std::string code;     // "BAD_REQUEST"; docs/protocol.md, "HTTP"
  std::string message;  // names the thing and the remedy
  std::vector<std::pair<std::string, std::string>> headers;
};

// Refuses a request with 400.
[[nodiscard]] inline HttpError bad_request(std::string code, std::string message) {
  return {.status = 400, .code = std::move(code), .message = std::move(message), .headers = {}};
}
[[nodiscard]] inline HttpError bad_request(std::string message) {
  return bad_request("BAD_REQUEST", std::move(message));
}

struct Request {
  std::string method;
  std::string path;                                          // as it was sent, still percent-encoded
  std::string query;                                         // behind the `?`, still percent-encoded
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  bool http_1_1 = true;
  bool keep_alive = true;

  // The values of one header, in order, joined by commas; empty if absent.
  [[nodiscard]] std::string header(std::string_view lower_case_name) const;
  [[nodiscard]] std::size_t count(std::string_view lower_case_name) const;
  // Whether one of its values, which are lists by commas, has the token, in any case.
  [[nodiscard]] bool lists(std::string_view lower_case_name, std::string_view token) const;
};

// The session that a request may open beyond its answer.
enum class Opens : std::uint8_t { kNothing, kSocket, kStream };

// The bounds of a header limit: enough for a handshake, and no longer than a field of
// Beast's can be.
inline constexpr std::size_t kLeastHeaderBytes = 1024;
inline constexpr std::size_t kMostHeaderBytes = std::size_t{60} << 10;

struct RequestLimits {
  std::size_t max_header_bytes = std::size_t{32} << 10;
  std::size_t max_body_bytes = 1 << 20;
};

class RequestReader {
 public:
  enum class Status { kNeedMore, kRequest, kError };

  explicit RequestReader(const RequestLimits& limits);
  ~RequestReader();

  // Bytes that arrived. After kRequest or kError call next() before feeding more.
  Status feed(std::string_view bytes);
  // Looks for the next request in what is left over.
  Status next();

  // The request of the last kRequest; behind a kError as far as its header could be read.
  [[nodiscard]] Request& request();
  // The answer to the last kError: the connection cannot go on.
  [[nodiscard]] const HttpError& error() const;
  // Takes the bytes behind the last request: the first frames behind an upgrade.
  [[nodiscard]] std::string take_rest();
  // Whether the client holds its body back until it is told to go on (RFC 9110
  // section 10.1.1). True once for each such request.
  [[nodiscard]] bool take_expectation();
  // Whether a request has begun and not ended.
  [[nodiscard]] bool mid_request() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wskit::server::http
