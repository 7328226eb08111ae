#include "wsserve/http/request_reader.h"

#include <algorithm>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "wsserve/http/field_value.h"
#include "wsserve/http/uri.h"

namespace wskit::server::http {
namespace {

namespace beast_http = boost::beast::http;
using Parser = beast_http::request_parser<beast_http::string_body>;

constexpr std::size_t kShortestChunkedEnd = std::string_view("0\r\n\r\n").size();

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
            .message =
                "the request line and headers, or the trailer or the chunk extensions of the body, are "
                "longer than " +
                std::to_string(limits.max_header_bytes) + " bytes; send fewer or shorter ones",
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

// A server takes the absolute form of a target too (RFC 9112 section 3.2.2).
struct Target {
  std::optional<std::string_view> authority;  // of an absolute form
  std::string_view path_and_query;
};

Target split_target(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!same_token(target.substr(0, scheme.size()), scheme)) continue;
    const std::size_t end = std::min(target.find_first_of("/?", scheme.size()), target.size());
    return {target.substr(scheme.size(), end - scheme.size()),
            end == target.size() ? "/" : target.substr(end)};
  }
  return {std::nullopt, target};
}

// Host is what the target says, whatever the header of that name does: one look at
// either must come to the same server. How often the header is there stays to be seen.
void replace_host(Request& request, std::string_view authority) {
  for (auto& [name, value] : request.headers) {
    if (name == "host") value = std::string(authority);
  }
  if (!request.http_1_1 && request.count("host") == 0) request.headers.emplace_back("host", authority);
}

bool goes_on(const Request& request) {
  if (request.lists("connection", "close")) return false;
  return request.http_1_1 || request.lists("connection", "keep-alive");
}

HttpError refused(unsigned status, std::string code, std::string message) {
  return {.status = status, .code = std::move(code), .message = std::move(message), .headers = {}};
}

// What is wrong with the codings of the body, which say where it ends (RFC 9112
// sections 6.1 and 6.3).
std::optional<HttpError> coding_fault(const Request& request) {
  if (request.count("transfer-encoding") == 0) return std::nullopt;
  if (!request.http_1_1) {
    return refused(400, "BAD_REQUEST", "HTTP/1.0 has no Transfer-Encoding; send Content-Length");
  }
  const std::string value = request.header("transfer-encoding");
  const std::vector<std::string_view> codings = list_items(value);
  const auto is_chunked = [](std::string_view coding) { return same_token(coding, "chunked"); };
  if (codings.empty() || !is_chunked(codings.back()) || std::ranges::count_if(codings, is_chunked) != 1) {
    return refused(400, "BAD_REQUEST", "the last Transfer-Encoding must be chunked, and no other one");
  }
  if (codings.size() == 1) return std::nullopt;
  return refused(501, "NOT_IMPLEMENTED", "the only Transfer-Encoding that is undone here is chunked");
}

// All but the body. A field that came in a trailer must not pass for a header
// (RFC 9110 section 6.5.1), so this is read before the body is.
Request read_head(const Parser& parser) {
  const auto& message = parser.get();
  Request request;
  request.method = std::string(message.method_string());
  const Target target = split_target({message.target().data(), message.target().size()});
  const std::size_t mark = target.path_and_query.find('?');
  request.path = std::string(target.path_and_query.substr(0, mark));
  if (request.path.empty() && target.authority) request.path.push_back('/');
  if (mark != std::string_view::npos) request.query = std::string(target.path_and_query.substr(mark + 1));
  for (const auto& field : message) {
    request.headers.emplace_back(lower_case({field.name_string().data(), field.name_string().size()}),
                                 std::string(field.value()));
  }
  request.http_1_1 = message.version() == 11;
  if (target.authority) replace_host(request, *target.authority);
  request.keep_alive = goes_on(request);
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

bool Request::lists(std::string_view lower_case_name, std::string_view token) const {
  return std::ranges::any_of(headers, [&](const auto& header) {
    if (header.first != lower_case_name) return false;
    return std::ranges::any_of(list_items(header.second),
                               [&](std::string_view item) { return same_token(item, token); });
  });
}

struct RequestReader::State {
  explicit State(const RequestLimits& request_limits) : limits(request_limits) {}

  void begin() {
    parser.emplace();
    header_bytes = 0;
    extension_bytes = 0;
    told_to_go_on = false;
    head_is_read = false;
    parser->header_limit(static_cast<std::uint32_t>(limits.max_header_bytes));
    parser->body_limit(limits.max_body_bytes);
    parser->on_chunk_header(count_extension);
    // The head is looked at before the body is read.
    parser->eager(false);
  }

  Status fail(HttpError why) {
    refusal = std::move(why);
    if (!head_is_read) request = read_head(*parser);
    return Status::kError;
  }

  // Lets the parser use what has arrived. Beast limits each piece of the header but
  // not their sum, and neither the header of a chunk nor the trailer, of which it
  // takes whatever it is given at once: it is never given more than the limit.
  boost::system::error_code put() {
    const bool in_header = !parser->is_header_done();
    // Every chunked body has so many bytes before its end, and Beast asserts that
    // it is called with as many once it has seen the last chunk.
    if (!in_header && parser->chunked() && input.size() < kShortestChunkedEnd) {
      return beast_http::error::need_more;
    }
    const std::size_t limit = std::max(limits.max_header_bytes, kShortestChunkedEnd);
    const std::size_t room = in_header ? limit - header_bytes : limit;
    const std::size_t piece = std::min(room, input.size());
    boost::system::error_code error;
    const std::size_t used = parse(piece, error);
    input.erase(0, used);
    if (in_header) {
      header_bytes += used;
      if (parser->is_header_done()) end_head();
    }
    if (error != beast_http::error::need_more) return error;
    if (used > 0 && piece - used < input.size()) return {};  // there was more than the piece
    const std::size_t held = (in_header ? header_bytes : 0) + input.size();
    return held > limit || (piece == room && used == 0) ? beast_http::error::header_limit
                                                        : beast_http::error::need_more;
  }

  std::size_t parse(std::size_t piece, boost::system::error_code& error) {
    try {
      return parser->put(boost::asio::buffer(input.data(), piece), error);
    } catch (const std::length_error&) {
      // A name or value that is longer than Beast's fields can be.
      error = beast_http::error::header_limit;
      return 0;
    }
  }

  void end_head() {
    request = read_head(*parser);
    head_is_read = true;
    parser->eager(true);
  }

  // What is wrong with a head that Beast found none with. It takes a transfer coding
  // that it does not know for no body at all, and the body for the next request.
  [[nodiscard]] std::optional<HttpError> head_fault() const {
    const auto text = parser->get().target();
    const auto authority = split_target({text.data(), text.size()}).authority;
    if (authority && authority->empty()) return refused(400, "BAD_REQUEST", "the target names no host");
    return coding_fault(request);
  }

  // Empty lines before a request, which some clients send behind a body, count for its
  // header alone (RFC 9112 section 2.2).
  void pass_over_empty_lines() {
    constexpr std::string_view kLineEnd = "\r\n";
    if (parser->got_some()) return;
    std::size_t used = 0;
    while (header_bytes + used < limits.max_header_bytes &&
           std::string_view(input).substr(used).starts_with(kLineEnd)) {
      used += kLineEnd.size();
    }
    input.erase(0, used);
    header_bytes += used;
  }

  [[nodiscard]] bool may_begin_empty_line() const { return !parser->got_some() && input == "\r"; }

  RequestLimits limits;
  std::optional<Parser> parser;
  // Of the current request.
  std::size_t header_bytes = 0;     // used by the parser
  std::size_t extension_bytes = 0;  // of the headers of its chunks
  bool head_is_read = false;
  bool told_to_go_on = false;
  std::string input;
  // The extensions of all chunks together: each may be as long as what it brings is short.
  std::function<void(std::uint64_t, boost::beast::string_view, boost::system::error_code&)> count_extension =
      [this](std::uint64_t, boost::beast::string_view extension, boost::system::error_code& error) {
        extension_bytes += extension.size();
        if (extension_bytes > limits.max_header_bytes) error = beast_http::error::header_limit;
      };
  Request request;
  HttpError refusal;
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
  s.pass_over_empty_lines();
  while (!s.input.empty() && !s.parser->is_done()) {
    if (s.may_begin_empty_line()) return Status::kNeedMore;
    const bool was_read = s.head_is_read;
    const boost::system::error_code error = s.put();
    if (s.head_is_read && !was_read) {
      if (auto fault = s.head_fault()) return s.fail(*std::move(fault));
    }
    if (error == beast_http::error::need_more) return Status::kNeedMore;
    if (error) return s.fail(explain(error, s.limits));
  }
  if (!s.parser->is_done()) return Status::kNeedMore;
  s.request.body = std::move(s.parser->get().body());
  s.parser.reset();
  return Status::kRequest;
}

Request& RequestReader::request() { return state_->request; }
const HttpError& RequestReader::error() const { return state_->refusal; }
std::string RequestReader::take_rest() { return std::move(state_->input); }
bool RequestReader::take_expectation() {
  State& s = *state_;
  if (!s.parser || !s.parser->is_header_done() || std::exchange(s.told_to_go_on, true)) return false;
  const auto& message = s.parser->get();
  return message.version() == 11 && message.body().empty() && s.input.empty() &&
         same_token(message[beast_http::field::expect], "100-continue");
}
bool RequestReader::mid_request() const {
  return !state_->input.empty() || (state_->parser && state_->parser->got_some());
}

}  // namespace wskit::server::http
