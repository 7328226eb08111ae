#include "wsserve/http/request_reader.h"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

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

// A server takes the absolute form of a target too (RFC 9112 section 3.2.2); its
// host says nothing that matters here.
std::string_view origin_form(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (!boost::algorithm::istarts_with(target, kScheme)) return target;
  const std::size_t path = target.find_first_of("/?", kScheme.size());
  return path == std::string_view::npos ? std::string_view("/") : target.substr(path);
}

// All but the body. A field that came in a trailer must not pass for a header
// (RFC 9110 section 6.5.1), so this is read before the body is.
Request read_head(const Parser& parser) {
  const auto& message = parser.get();
  Request request;
  request.method = std::string(message.method_string());
  const std::string_view target = origin_form({message.target().data(), message.target().size()});
  const std::size_t mark = target.find('?');
  request.path = std::string(target.substr(0, mark));
  if (mark != std::string_view::npos) request.query = std::string(target.substr(mark + 1));
  for (const auto& field : message) {
    request.headers.emplace_back(lower_case({field.name_string().data(), field.name_string().size()}),
                                 std::string(field.value()));
  }
  request.http_1_1 = message.version() == 11;
  request.keep_alive = message.keep_alive();
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

  // Beast takes a transfer coding that it does not know for no body at all, and
  // the body for the next request.
  [[nodiscard]] bool has_unknown_coding() const {
    return parser->get().count(beast_http::field::transfer_encoding) > 0 && !parser->chunked();
  }

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
  while (!s.input.empty() && !s.parser->is_done()) {
    const boost::system::error_code error = s.put();
    if (error == beast_http::error::need_more) return Status::kNeedMore;
    if (error) return s.fail(explain(error, s.limits));
  }
  if (!s.parser->is_done()) return Status::kNeedMore;
  if (s.has_unknown_coding()) {
    return s.fail({.status = 400,
                   .code = "BAD_REQUEST",
                   .message = "the only Transfer-Encoding taken is chunked",
                   .headers = {}});
  }
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
         boost::algorithm::iequals(std::string(message[beast_http::field::expect]), "100-continue");
}
bool RequestReader::mid_request() const {
  return !state_->input.empty() || (state_->parser && state_->parser->got_some());
}

}  // namespace wskit::server::http
