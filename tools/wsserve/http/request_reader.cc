#include "wsserve/http/request_reader.h"

#include <algorithm>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>
#include <optional>

namespace wskit::server::http {
namespace {

namespace beast_http = boost::beast::http;
using Parser = beast_http::request_parser<beast_http::string_body>;

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

HttpError explain(const boost::system::error_code& error, const RequestLimits& limits) {
  if (error == beast_http::error::header_limit) {
    return {.status = 431,
            .code = "HEADER_TOO_LARGE",
            .message = "the request line and headers are longer than " +
                       std::to_string(limits.max_header_bytes) + " bytes; send fewer or shorter headers",
            .headers = {}};
  }
  if (error == beast_http::error::body_limit) {
    return {.status = 413,
            .code = "TOO_LARGE",
            .message = "the request body is longer than " + std::to_string(limits.max_body_bytes) +
                       " bytes; send it in parts",
            .headers = {}};
  }
  return {.status = 400,
          .code = "BAD_REQUEST",
          .message = "this is no valid HTTP/1.1 request: " + error.message(),
          .headers = {}};
}

Request to_request(const Parser& parser) {
  const auto& message = parser.get();
  Request request;
  request.method = std::string(message.method_string());
  const std::string_view target(message.target().data(), message.target().size());
  const std::size_t mark = target.find('?');
  request.path = std::string(target.substr(0, mark));
  if (mark != std::string_view::npos) request.query = std::string(target.substr(mark + 1));
  for (const auto& field : message) {
    request.headers.emplace_back(lower_case({field.name_string().data(), field.name_string().size()}),
                                 std::string(field.value()));
  }
  request.http_1_1 = message.version() == 11;
  request.keep_alive = message.keep_alive();
  request.body = message.body();
  return request;
}

}  // namespace

std::string Request::header(std::string_view lower_case_name) const {
  std::string joined;
  for (const auto& [name, value] : headers) {
    if (name != lower_case_name) continue;
    if (!joined.empty()) joined += ", ";
    joined += value;
  }
  return joined;
}

std::size_t Request::count(std::string_view lower_case_name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(headers, [&](const auto& header) { return header.first == lower_case_name; }));
}

struct RequestReader::State {
  explicit State(const RequestLimits& request_limits) : limits(request_limits) {}

  void begin() {
    parser.emplace();
    parser->header_limit(static_cast<std::uint32_t>(limits.max_header_bytes));
    parser->body_limit(limits.max_body_bytes);
    parser->eager(true);
  }

  RequestLimits limits;
  std::optional<Parser> parser;
  std::string input;
  Request request;
  HttpError error;
};

RequestReader::RequestReader(const RequestLimits& limits) : state_(std::make_unique<State>(limits)) {}
RequestReader::~RequestReader() = default;

RequestReader::Status RequestReader::feed(std::string_view bytes) {
  state_->input.append(bytes);
  return next();
}

RequestReader::Status RequestReader::next() {
  State& s = *state_;
  if (!s.parser) s.begin();
  while (!s.input.empty() && !s.parser->is_done()) {
    boost::system::error_code error;
    const std::size_t used = s.parser->put(boost::asio::buffer(s.input), error);
    s.input.erase(0, used);
    if (error == beast_http::error::need_more) {
      if (s.parser->is_header_done() || s.input.size() <= s.limits.max_header_bytes) return Status::kNeedMore;
      error = beast_http::error::header_limit;
    }
    if (error) {
      s.error = explain(error, s.limits);
      return Status::kError;
    }
    if (used == 0) break;
  }
  if (!s.parser->is_done()) return Status::kNeedMore;
  s.request = to_request(*s.parser);
  s.parser.reset();
  return Status::kRequest;
}

Request& RequestReader::request() { return state_->request; }
const HttpError& RequestReader::error() const { return state_->error; }
std::string RequestReader::take_rest() { return std::move(state_->input); }
bool RequestReader::mid_request() const {
  return !state_->input.empty() || (state_->parser && state_->parser->got_some());
}

}  // namespace wskit::server::http
