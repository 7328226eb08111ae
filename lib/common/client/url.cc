#include "common/client/url.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

namespace wskit::client {
namespace {

struct Scheme {
  std::string_view prefix;
  Transport transport;
};
constexpr Scheme kSchemes[] = {{"ws://", Transport::kTcp},     {"wss://", Transport::kTls},
                               {"http://", Transport::kTcp},   {"https://", Transport::kTls},
                               {"ws+unix:", Transport::kUnix}, {"http+unix:", Transport::kUnix},
                               {"unix:", Transport::kUnix}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Schemes have no case (RFC 3986 3.1).
bool has_scheme(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::ranges::equal(text.substr(0, prefix.size()), prefix, {}, lower, lower);
}

std::uint16_t default_port(Transport transport) { return transport == Transport::kTls ? 443 : 80; }

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

UrlError bad(std::string_view text, std::string_view why) {
  return {fmt::format("'{}' {}; write it as ws://HOST:PORT/PATH, wss://HOST/PATH or ws+unix:PATH",
                      without_secrets(text), why)};
}

bool is_sendable(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F) return false;
  }
  return true;
}

// Path and query as they are requested; a fragment never leaves this side.
std::string request_target(std::string_view text) {
  text = text.substr(0, text.find('#'));
  if (text.empty() || text == "/") return "/ws";
  std::string target(text);
  if (target.front() == '?') target.insert(0, "/ws");
  return target;
}

boost::system::result<Url, UrlError> parse_unix(std::string_view text, std::string_view rest) {
  Url url;
  url.transport = Transport::kUnix;
  url.host = "localhost";
  if (rest.starts_with("//")) rest.remove_prefix(2);
  const std::size_t colon = rest.find(':');
  url.socket_path = std::string(rest.substr(0, colon));
  url.target = request_target(colon == std::string_view::npos ? std::string_view{} : rest.substr(colon + 1));
  if (url.socket_path.empty()) return bad(text, "names no socket");
  if (url.socket_path.size() > 107) return bad(text, "names a socket whose path is longer than 107 bytes");
  if (url.target.front() != '/') return bad(text, "has a request path that does not begin with '/'");
  return url;
}

// `host`, `host:port` or `[address]:port`, into `url`.
std::optional<UrlError> parse_authority(std::string_view text, std::string_view authority, Url& url) {
  // Not shown in the error: what stands before the @ is a password.
  if (authority.find('@') != std::string_view::npos) {
    return UrlError{"the URL holds a user or password; send them with --header or --token instead"};
  }
  std::size_t host_end = authority.find(':');
  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return bad(text, "has a '[' without its ']'");
    url.host = std::string(authority.substr(1, bracket - 1));
    host_end = bracket + 1 == authority.size() ? std::string_view::npos : bracket + 1;
  } else if (authority.find(':') != authority.rfind(':')) {
    return bad(text, "needs brackets around an IPv6 address");
  } else {
    url.host = std::string(authority.substr(0, host_end));
  }
  if (url.host.empty()) return bad(text, "names no host");
  url.port = default_port(url.transport);
  if (host_end == std::string_view::npos) return std::nullopt;
  if (authority[host_end] != ':') return bad(text, "has something after its ']'");
  const std::string_view port = authority.substr(host_end + 1);
  const std::optional<std::uint16_t> number = parse_port(port);
  if (!number) return bad(text, "has a port that is not a number from 1 to 65535");
  url.port = *number;
  return std::nullopt;
}

}  // namespace

void throw_exception_from_error(const UrlError& error, const boost::source_location&) {
  throw std::logic_error(error.message);
}

boost::system::result<Url, UrlError> parse_url(std::string_view text) {
  Url url;
  std::string_view rest = text;
  bool found = false;
  for (const Scheme& scheme : kSchemes) {
    if (!has_scheme(text, scheme.prefix)) continue;
    url.transport = scheme.transport;
    rest.remove_prefix(scheme.prefix.size());
    found = true;
    break;
  }
  if (!found && text.find("://") != std::string_view::npos) return bad(text, "has an unknown scheme");
  if (!is_sendable(text)) return bad(text, "holds white space or control characters");
  if (url.transport == Transport::kUnix) return parse_unix(text, rest);

  const std::size_t authority_end = std::min(rest.find_first_of("/?#"), rest.size());
  url.target = request_target(rest.substr(authority_end));
  if (std::optional<UrlError> error = parse_authority(text, rest.substr(0, authority_end), url))
    return *error;
  return url;
}

std::string without_secrets(std::string_view url) {
  std::string text;
  const std::size_t scheme_end = url.find("://");
  const std::size_t begin = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
  const std::string_view authority = url.substr(begin, url.find_first_of("/?#", begin) - begin);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    text = fmt::format("{}...", url.substr(0, begin));
    url.remove_prefix(begin + at);
  }
  bool in_value = false;
  bool in_query = false;
  for (const char c : url) {
    if (c == '?') in_query = true;
    if (c == '&') in_value = false;
    if (!in_value) text += c;
    if (in_query && c == '=' && !in_value) {
      in_value = true;
      text += "...";
    }
  }
  return text;
}

std::string Url::host_header() const {
  std::string text = host;
  if (host.find(':') != std::string::npos) {
    text.insert(text.begin(), '[');
    text += ']';
  }
  if (transport != Transport::kUnix && port != default_port(transport)) {
    text += ':';
    text += std::to_string(port);
  }
  return text;
}

Url Url::over(Transport other) const {
  Url url = *this;
  url.transport = other;
  return url;
}

std::string Url::display() const {
  std::string text;
  switch (transport) {
    case Transport::kTcp:
      text = "ws://";
      text += host_header();
      break;
    case Transport::kTls:
      text = "wss://";
      text += host_header();
      break;
    case Transport::kUnix:
      text = "ws+unix:";
      text += socket_path;
      text += ':';
      break;
  }
  text += without_secrets(target);
  return text;
}

}  // namespace wskit::client
