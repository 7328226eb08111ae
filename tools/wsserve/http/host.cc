#include "wsserve/http/host.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/protocol/quote.h"
#include "wsserve/http/field_value.h"
#include "wsserve/limits/ip_address.h"

namespace wskit::server::http {
namespace {

// RFC 3986: unreserved, the percent sign of an escape, and sub-delims.
bool is_name_character(char c) {
  const bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  return letter_or_digit || std::string_view("-._~%!$&'()*+,;=").find(c) != std::string_view::npos;
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// `host` in lower case.
bool is_host(std::string_view host) {
  if (host.starts_with('[')) {
    return host.ends_with(']') && host.size() > 2 && host.find(':') != std::string_view::npos &&
           IpAddress::parse(host.substr(1, host.size() - 2)).has_value();
  }
  for (std::size_t i = 0; i < host.size(); ++i) {
    if (!is_name_character(host[i])) return false;
    if (host[i] != '%') continue;
    if (i + 2 >= host.size() || !is_hex(host[i + 1]) || !is_hex(host[i + 2])) return false;
    i += 2;
  }
  return !host.empty();
}

}  // namespace

std::optional<HostAndPort> HostAndPort::parse(std::string_view text) {
  HostAndPort parsed;
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  parsed.host = lower_case(text.substr(0, colon));
  if (!is_host(parsed.host)) return std::nullopt;
  if (colon == std::string_view::npos || colon + 1 == text.size()) return parsed;
  const std::string_view digits = text.substr(colon + 1);
  const char* const end = digits.data() + digits.size();
  std::uint16_t port = 0;
  const auto [last, error] = std::from_chars(digits.data(), end, port);
  if (error != std::errc() || last != end) return std::nullopt;
  parsed.port = port;
  return parsed;
}

bool is_ip(std::string_view host) { return host.starts_with('[') || IpAddress::parse(host).has_value(); }

bool is_this_machine(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) {
    const auto ip = IpAddress::parse(host.substr(1, host.size() - 2));
    return ip && ip->is_loopback();
  }
  if (const auto ip = IpAddress::parse(host)) return ip->is_loopback();
  if (host.ends_with('.')) host.remove_suffix(1);
  return host == "localhost" || host.ends_with(".localhost");
}

std::optional<HttpError> host_problem(const Request& request) {
  const std::size_t count = request.count("host");
  if (count > 1 || (request.http_1_1 && count == 0)) {
    return bad_request("a request needs exactly one Host header");
  }
  const std::string host = request.header("host");
  if (host.empty() || HostAndPort::parse(host)) return std::nullopt;
  return bad_request(fmt::format("the host {} is neither a name nor an address, with or without a port",
                                 protocol::quote(host)));
}

}  // namespace wskit::server::http
