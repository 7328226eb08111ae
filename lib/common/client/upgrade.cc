#include "common/client/upgrade.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>
#include <charconv>
#include <exception>
#include <nlohmann/json.hpp>

#include "common/cbor/cbor_writer.h"
#include "common/client/refusal_hint.h"
#include "common/version.h"
#include "common/websocket/handshake.h"

namespace wskit::client {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kMaxHeaderBytes = std::size_t{16} << 10;
constexpr std::size_t kMaxBodyBytes = std::size_t{16} << 10;
constexpr std::size_t kMaxReasonBytes = 300;
// Answers with a status of 1xx before the real one; more are no conversation.
constexpr int kMostInterim = 16;

// Statuses of a server that is there but not ready: restarting, draining, too
// busy, or a proxy in front of one.
bool is_temporary(unsigned status) {
  constexpr std::array<unsigned, 7> kTemporary{408, 425, 429, 500, 502, 503, 504};
  return std::find(kTemporary.begin(), kTemporary.end(), status) != kTemporary.end();
}

// Those of a gateway that does not reach its server, and of a server that does not
// serve now.
bool is_unreachable(unsigned status) { return status >= 502 && status <= 504; }

// Refusals that may be of a deployment in progress, where the same request was
// granted before; who is refused (401, 403, 407) stays it.
bool may_pass(unsigned status) { return status != 401 && status != 403 && status != 407; }

// Our own offer lets both ends keep their windows, as large as they like.
websocket::DeflateParameters deflate_wish() { return {}; }

// The sentence in a JSON error, wherever servers put it; empty: none.
std::string json_reason(const std::string& body) {
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return {};
  for (const char* nested : {"error", "data"}) {
    if (!json.contains(nested)) continue;
    const nlohmann::json& inner = json.at(nested);
    if (inner.is_object() && inner.contains("message") && inner.at("message").is_string()) {
      return inner.at("message").get<std::string>();
    }
  }
  for (const char* name : {"message", "error", "detail", "reason"}) {
    if (json.contains(name) && json.at(name).is_string()) return json.at(name).get<std::string>();
  }
  return {};
}

// One line for a person out of an error page.
std::string reason_in(const std::string& body) {
  std::string reason = json_reason(body);
  if (reason.empty() && !body.starts_with('<')) reason = body;
  return reason.substr(0, std::min(reason.find_first_of("\r\n"), kMaxReasonBytes));
}

std::optional<std::chrono::nanoseconds> retry_after(std::string_view text) {
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds{seconds};
}

constexpr std::string_view kHttp = "HTTP/";

// What a TLS server says to a request without it.
bool is_tls_alert(std::string_view bytes) { return bytes.starts_with('\x15'); }

// What may help where the server's own words, if any, do not say it; empty: nothing known.
std::string hint_for(unsigned status, bool has_reason, std::string_view body, const ClientOptions& options) {
  const std::string path = options.url.target.substr(0, options.url.target.find('?'));
  if (status == 401) return unauthorized_hint(options);
  if (status == 403 && !has_reason) return forbidden_hint(options);
  if (status == 400 && options.url.transport == Transport::kTcp &&
      body.find("HTTPS") != std::string_view::npos) {
    return fmt::format("it speaks TLS: use {}", options.url.over(Transport::kTls).display());
  }
  const bool mangled = status == 426 || body.find("Connection: Upgrade") != std::string_view::npos ||
                       body.find("needs HTTP/1.1") != std::string_view::npos;
  if (mangled && status >= 400) {
    return "a proxy in between does not pass the upgrade on: it needs HTTP/1.1 to the server and the headers "
           "Upgrade and Connection, as in proxy_set_header Upgrade $http_upgrade of nginx";
  }
  if (has_reason) return {};
  if (status == 404) return fmt::format("is it a wskit server, and {} its path?", path);
  if (status == 407) return "there is a proxy in between, and none is supported";
  if (status < 300) return fmt::format("{} is not a WebSocket endpoint of it; try /ws", path);
  return {};
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

// The values of a field, which may stand in several lines, as one list.
std::string list_of(const http::fields& fields, http::field name) {
  std::string list;
  const auto [begin, end] = fields.equal_range(name);
  for (auto field = begin; field != end; ++field) {
    if (!list.empty()) list += ", ";
    list += view(field->value());
  }
  return list;
}

// Whether the request, which may have such a header of the user's, names the subprotocol.
bool offers_subprotocol(const ClientOptions& options, std::string_view protocol) {
  if (options.wire == Wire::kCbor && protocol == cbor::kSubprotocol) return true;
  return std::ranges::any_of(options.headers, [&](const auto& header) {
    return boost::beast::iequals(header.first, "Sec-WebSocket-Protocol") &&
           http::token_list{header.second}.exists({protocol.data(), protocol.size()});
  });
}

}  // namespace

struct UpgradeAnswer::Parser : http::response_parser<http::string_body> {
  // As put(), but for what it does not bound, and then throws at: the trailer and a
  // chunk's extension, which say nothing to us. They count as too long a body.
  std::size_t take(const std::string& bytes, boost::system::error_code& error) {
    std::size_t used = 0;
    try {
      used = put(boost::asio::buffer(bytes), error);
    } catch (const std::exception&) {
      error = is_header_done() ? http::error::body_limit : http::error::header_limit;
      return 0;
    }
    const bool waits = error == http::error::need_more && is_header_done();
    if (waits && bytes.size() - used > kMaxHeaderBytes) error = http::error::body_limit;
    return used;
  }
};

std::string upgrade_request(const ClientOptions& options, std::string_view key) {
  std::string text = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n",
      options.url.target, options.url.host_header(), key);
  if (options.offer_deflate) {
    text += fmt::format("Sec-WebSocket-Extensions: {}\r\n", websocket::deflate_offer(deflate_wish()));
  }
  if (options.wire == Wire::kCbor) text += fmt::format("Sec-WebSocket-Protocol: {}\r\n", cbor::kSubprotocol);
  if (!options.token.empty()) text += fmt::format("Authorization: Bearer {}\r\n", options.token);
  bool names_agent = false;
  for (const auto& [name, value] : options.headers) {
    names_agent |= boost::beast::iequals(name, "User-Agent");
    text += fmt::format("{}: {}\r\n", name, value);
  }
  if (!names_agent) text += "User-Agent: wskit/" WSKIT_VERSION "\r\n";
  return text + "\r\n";
}

UpgradeAnswer::UpgradeAnswer(const ClientOptions& options, std::string key)
    : options_(options), key_(std::move(key)) {
  expect_answer();
}

UpgradeAnswer::~UpgradeAnswer() = default;

void UpgradeAnswer::expect_answer() {
  began_ = false;
  parser_ = std::make_unique<Parser>();
  parser_->header_limit(kMaxHeaderBytes);
  parser_->body_limit(kMaxBodyBytes);
  parser_->eager(true);
}

UpgradeAnswer::Status UpgradeAnswer::feed(std::string_view bytes) {
  pending_ += bytes;
  Status status = read();
  // What the server says beforehand (103 Early Hints) is passed over: RFC 9110 15.2.
  while (status == Status::kNeedMore && parser_->is_done()) {
    if (++interim_ > kMostInterim) return refuse_stranger("it never comes to its answer");
    expect_answer();
    if (!pending_.empty()) status = read();
  }
  return status;
}

UpgradeAnswer::Status UpgradeAnswer::read() {
  // Others may say something and then wait for us, who wait for the rest.
  if (!began_ && !kHttp.starts_with(std::string_view(pending_).substr(0, kHttp.size()))) {
    return refuse_stranger("it begins otherwise");
  }
  began_ = began_ || pending_.size() >= kHttp.size();
  boost::system::error_code error;
  const std::size_t used = parser_->take(pending_, error);
  pending_.erase(0, used);
  if (error == http::error::need_more) return Status::kNeedMore;
  // A long error page says no more than a short one.
  const bool enough = parser_->is_done() || (error == http::error::body_limit && parser_->is_header_done());
  if (error && !enough) return refuse_stranger(error.message());
  return enough && !is_interim() ? judge() : Status::kNeedMore;
}

UpgradeAnswer::Status UpgradeAnswer::refuse_stranger(std::string_view why) {
  const std::string url = options_.url.display();
  if (is_tls_alert(pending_)) {
    return refuse(fmt::format("{} speaks TLS: use {}", url, options_.url.over(Transport::kTls).display()));
  }
  return refuse(fmt::format("{} does not speak HTTP ({}); is this the server's port?", url, why));
}

UpgradeAnswer::Status UpgradeAnswer::end() {
  boost::system::error_code error;
  if (parser_->is_header_done()) {
    parser_->put_eof(error);
    return judge();
  }
  std::string message = fmt::format("cannot reach {}: the server closed the connection without an answer",
                                    options_.url.display());
  if (options_.url.transport == Transport::kTcp) {
    message += fmt::format("; if it speaks TLS, use {}", options_.url.over(Transport::kTls).display());
  }
  failure_ = connect_failure(FailureKind::kUnreachable, message, Lasting::kNo);
  return Status::kRefused;
}

bool UpgradeAnswer::is_interim() const {
  const unsigned status = parser_->get().result_int();
  return status >= 100 && status < 200 && status != 101;
}

UpgradeAnswer::Status UpgradeAnswer::judge() {
  return parser_->get().result_int() == 101 ? judge_switch() : judge_refusal();
}

UpgradeAnswer::Status UpgradeAnswer::judge_switch() {
  const auto& response = parser_->get();
  if (!http::token_list{list_of(response, http::field::connection)}.exists("upgrade") ||
      !boost::beast::iequals(list_of(response, http::field::upgrade), "websocket") ||
      list_of(response, http::field::sec_websocket_accept) != websocket::accept_token(key_)) {
    return refuse(
        fmt::format("{} answers the upgrade, but not as a WebSocket server does", options_.url.display()));
  }
  const std::string extensions = list_of(response, http::field::sec_websocket_extensions);
  if (!extensions.empty()) {
    if (options_.offer_deflate) deflate_ = websocket::accept_deflate(extensions, deflate_wish());
    if (!deflate_) {
      return refuse(fmt::format("{} insists on an extension that was not offered: {}", options_.url.display(),
                                extensions));
    }
  }
  const std::string protocol = list_of(response, http::field::sec_websocket_protocol);
  if (response.count(http::field::sec_websocket_protocol) > 0 && !offers_subprotocol(options_, protocol)) {
    return refuse(fmt::format("{} insists on a subprotocol that was not offered: {}", options_.url.display(),
                              protocol));
  }
  if (options_.wire == Wire::kCbor && protocol != cbor::kSubprotocol) {
    return refuse(fmt::format("{} does not speak CBOR ({}); leave --wire out", options_.url.display(),
                              cbor::kSubprotocol));
  }
  return Status::kAccepted;
}

UpgradeAnswer::Status UpgradeAnswer::judge_refusal() {
  const auto& response = parser_->get();
  const unsigned status = response.result_int();
  std::string message =
      fmt::format("{} {}: {} {}", is_unreachable(status) ? "cannot reach" : "refused by",
                  options_.url.display(), status, view(http::obsolete_reason(response.result())));
  const std::string_view location = view(response[http::field::location]);
  if (status >= 300 && status < 400 && !location.empty()) {
    message += fmt::format("; it moved to {}, use that with --url", location);
  } else {
    const std::string reason = status < 400 ? std::string{} : reason_in(response.body());
    if (!reason.empty()) message += ": " + reason;
    const std::string hint = hint_for(status, !reason.empty(), response.body(), options_);
    if (!hint.empty()) message += "; " + hint;
  }
  failure_ = connect_failure(is_unreachable(status) ? FailureKind::kUnreachable : FailureKind::kRefused,
                             message, is_temporary(status) ? Lasting::kNo : Lasting::kYes);
  failure_.passing = may_pass(status);
  failure_.failure.http_status = static_cast<int>(status);
  failure_.retry_after = retry_after(view(response[http::field::retry_after]));
  return Status::kRefused;
}

UpgradeAnswer::Status UpgradeAnswer::refuse(std::string message) {
  failure_ = connect_failure(FailureKind::kRefused, message, Lasting::kYes);
  return Status::kRefused;
}

}  // namespace wskit::client
