#include "wsserve/http/response.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <iterator>

#include "common/protocol/json_writer.h"
#include "common/protocol/quote.h"

namespace wskit::server::http {
namespace {

std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

unsigned status_of(protocol::ErrorCode code) {
  using protocol::ErrorCode;
  switch (code) {
    case ErrorCode::kBadJson:
    case ErrorCode::kBadCommand:
    case ErrorCode::kBadChannel:
    case ErrorCode::kBadEvent:
      return 400;
    case ErrorCode::kUnauthorized:
      return 401;
    case ErrorCode::kForbidden:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kTooManyChannels:
    case ErrorCode::kRateLimited:
      return 429;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kInternal:
      break;
  }
  return 500;
}

// What every response but 101 begins with.
std::string begin_head(unsigned status, std::string_view content_type,
                       std::string_view cache_control = "no-store") {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  std::string out =
      fmt::format("HTTP/1.1 {} {}\r\nDate: {:%a, %d %b %Y %H:%M:%S} GMT\r\n", status, reason_phrase(status),
                  fmt::gmtime(std::chrono::system_clock::to_time_t(now)));
  if (!content_type.empty()) out += fmt::format("Content-Type: {}\r\n", content_type);
  return out + fmt::format("Cache-Control: {}\r\n", cache_control);
}

// Whole seconds, out of an error's details, or one.
std::string retry_after(std::string_view details) {
  constexpr std::string_view kName = R"("retry_after":)";
  double seconds = 1;
  if (const std::size_t at = details.find(kName); at != std::string_view::npos) {
    std::from_chars(details.data() + at + kName.size(), details.data() + details.size(), seconds);
  }
  return std::to_string(static_cast<std::uint64_t>(std::ceil(seconds)));
}

}  // namespace

HttpError to_http(const protocol::Error& error) {
  HttpError refused{.status = status_of(error.code),
                    .code = std::string(protocol::to_string(error.code)),
                    .message = error.message,
                    .headers = {}};
  if (refused.status == 401) refused.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (refused.status == 429) refused.headers.emplace_back("Retry-After", retry_after(error.details));
  if (refused.status == 503) refused.headers.emplace_back("Retry-After", "1");
  return refused;
}

HttpError method_not_allowed(const Request& request, const std::string& allowed) {
  return {.status = 405,
          .code = "METHOD_NOT_ALLOWED",
          .message = fmt::format("{} is not served at {}; use {}", request.method,
                                 protocol::quote(request.path), allowed.substr(0, allowed.find(','))),
          .headers = {{"Allow", allowed + ", OPTIONS"}}};
}

Response error_response(const HttpError& error) {
  Response response;
  response.status = error.status;
  response.headers = error.headers;
  response.body = R"({"error":{"code":")" + error.code + R"(","message":)";
  protocol::append_json_string(response.body, error.message);
  response.body += "}}\n";
  return response;
}

std::string serialize(const Response& response, bool keep_alive, bool head,
                      std::span<const std::pair<std::string, std::string>> more) {
  // What has no body by its status says nothing of one.
  const bool bodiless = response.status == 204 || response.status == 304;
  std::string out = begin_head(response.status, bodiless ? std::string_view() : response.content_type,
                               response.cache_control);
  if (!bodiless) out += fmt::format("Content-Length: {}\r\n", response.body.size());
  std::string connection = keep_alive ? "keep-alive" : "close";
  std::string vary;  // what several have to say of it is one list
  const auto add = [&](const std::string& name, const std::string& value) {
    if (name == "Connection") {
      connection = value + ", " + connection;
    } else if (name == "Vary") {
      vary += (vary.empty() ? "" : ", ") + value;
    } else {
      out += name + ": " + value + "\r\n";
    }
  };
  for (const auto& [name, value] : response.headers) add(name, value);
  for (const auto& [name, value] : more) add(name, value);
  if (!vary.empty()) out += "Vary: " + vary + "\r\n";
  out += "Connection: " + connection + "\r\n\r\n";
  if (!head && !bodiless) out += response.body;
  return out;
}

std::string serialize_event_stream(std::span<const std::pair<std::string, std::string>> headers) {
  std::string out = begin_head(200, "text/event-stream");
  for (const auto& [name, value] : headers) out += name + ": " + value + "\r\n";
  // nginx would keep the events back until its buffer is full.
  out += "X-Accel-Buffering: no\r\nConnection: close\r\n\r\n";
  return out;
}

std::string serialize_upgrade(std::span<const std::pair<std::string, std::string>> headers) {
  std::string out = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  for (const auto& [name, value] : headers) out += name + ": " + value + "\r\n";
  out += "\r\n";
  return out;
}

}  // namespace wskit::server::http
