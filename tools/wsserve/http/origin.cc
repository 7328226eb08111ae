#include "wsserve/http/origin.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/case_conv.hpp>
#include <charconv>

#include "common/protocol/quote.h"
#include "wsserve/limits/ip_address.h"

namespace wskit::server::http {
namespace {

constexpr std::string_view kAnyPort = ":*";

std::uint16_t default_port(std::string_view scheme) {
  if (scheme == "http") return 80;
  return scheme == "https" ? 443 : 0;
}

// `name`, `name:80`, `[::1]:80`.
struct HostAndPort {
  std::string host;
  std::optional<std::uint16_t> port;
};

bool is_host_character(char c) {
  const bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  return letter_or_digit || c == '-' || c == '.' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

bool is_host(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']') && host.size() > 2) {
    return IpAddress::parse(host.substr(1, host.size() - 2)).has_value();
  }
  return !host.empty() && std::ranges::all_of(host, is_host_character);
}

std::optional<HostAndPort> parse_host(std::string_view text) {
  HostAndPort parsed;
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  parsed.host = boost::algorithm::to_lower_copy(std::string(text.substr(0, colon)));
  if (!is_host(parsed.host)) return std::nullopt;
  if (colon == std::string_view::npos) return parsed;
  const std::string_view digits = text.substr(colon + 1);
  const char* const end = digits.data() + digits.size();
  std::uint16_t port = 0;
  const auto [last, error] = std::from_chars(digits.data(), end, port);
  if (digits.empty() || error != std::errc() || last != end || port == 0) return std::nullopt;
  parsed.port = port;
  return parsed;
}

bool is_ip(std::string_view host) {
  if (host.starts_with('[')) return true;
  return IpAddress::parse(host).has_value();
}

// A name with a dot is one that somebody may own out there. An address is none.
bool is_local_name(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return is_ip(host) || host.find('.') == std::string_view::npos || host.ends_with(".localhost");
}

bool is_page_of_this_machine(const Origin& origin) {
  if (origin.scheme == "file") return true;
  if (origin.scheme != "http" && origin.scheme != "https") return false;
  return origin.host == "localhost" || origin.host.ends_with(".localhost") || origin.host == "[::1]" ||
         (origin.host.starts_with("127.") && is_ip(origin.host));
}

bool is_same(const Origin& origin, const HostAndPort& host) {
  return origin.host == host.host && origin.port == host.port.value_or(default_port(origin.scheme));
}

HttpError forbidden(std::string message) {
  return {.status = 403, .code = "FORBIDDEN", .message = std::move(message), .headers = {}};
}

HttpError foreign_page(const std::string& origin) {
  if (origin == "null") {
    return forbidden(
        "a page without an origin (a local file, a sandboxed frame) may not use this server: serve it over "
        "HTTP, or allow all such pages with --origin null");
  }
  return forbidden(
      fmt::format("pages of {} may not use this server; if they should, start it with --origin {}",
                  protocol::quote(origin), Origin::parse(origin) ? origin : "…"));
}

HttpError foreign_host(const std::string& host) {
  return forbidden(fmt::format(
      "{} is no name of this machine, so this may be a page that pretends to be local; if the name is right, "
      "start the server with --origin http://{}, or with --trusted-proxy if a proxy sent this",
      protocol::quote(host), host));
}

}  // namespace

// --- Origin ------------------------------------------------------------------

std::optional<Origin> Origin::parse(std::string_view text) {
  constexpr std::string_view kBehindScheme = "://";
  const std::size_t end = text.find(kBehindScheme);
  if (end == 0 || end == std::string_view::npos) return std::nullopt;
  Origin origin;
  origin.scheme = boost::algorithm::to_lower_copy(std::string(text.substr(0, end)));
  if (!std::ranges::all_of(origin.scheme, [](char c) { return is_host_character(c) || c == '+'; })) {
    return std::nullopt;
  }
  const std::string_view rest = text.substr(end + kBehindScheme.size());
  if (rest.empty() && origin.scheme == "file") return origin;
  auto host = parse_host(rest);
  if (!host) return std::nullopt;
  origin.host = std::move(host->host);
  origin.port = host->port.value_or(default_port(origin.scheme));
  return origin;
}

// --- OriginList --------------------------------------------------------------

std::string OriginList::add(std::string_view text) {
  if (text == "*") {
    any_ = true;
    return {};
  }
  if (text == "null") {
    null_ = true;
    return {};
  }
  Pattern pattern;
  std::string plain(text);
  if (plain.ends_with(kAnyPort)) {
    pattern.any_port = true;
    plain.resize(plain.size() - kAnyPort.size());
  }
  if (const std::size_t star = plain.find("://*."); star != std::string::npos) {
    pattern.subdomains = true;
    plain.erase(star + 3, 2);
  }
  auto origin = Origin::parse(plain);
  if (!origin) {
    return fmt::format(
        "{} is no origin; write https://app.example.com, https://*.example.com, http://localhost:*, null or "
        "*",
        protocol::quote(text));
  }
  pattern.origin = std::move(*origin);
  if (pattern.subdomains) pattern.origin.host.insert(0, 1, '.');
  patterns_.push_back(std::move(pattern));
  return {};
}

bool OriginList::Pattern::matches_host(std::string_view host) const {
  if (!subdomains) return host == origin.host;
  return host.size() > origin.host.size() && host.ends_with(origin.host);
}

bool OriginList::allows(std::string_view origin) const {
  if (any_) return true;
  if (origin == "null") return null_;
  const auto parsed = Origin::parse(origin);
  if (!parsed) return false;
  return std::ranges::any_of(patterns_, [&](const Pattern& pattern) {
    return pattern.origin.scheme == parsed->scheme && pattern.matches_host(parsed->host) &&
           (pattern.any_port || pattern.origin.port == parsed->port);
  });
}

bool OriginList::names_host(std::string_view host) const {
  return std::ranges::any_of(patterns_, [&](const Pattern& pattern) { return pattern.matches_host(host); });
}

// --- Requests ----------------------------------------------------------------

std::optional<HttpError> check_origin(const Request& request, const OriginList& list, Path path) {
  const std::string host_text = request.header("host");
  const auto host = parse_host(host_text);
  // A certificate is for a name, which another name's page cannot show.
  if (path.loopback && !path.tls && !host_text.empty()) {
    if (!host || (!is_local_name(host->host) && !list.names_host(host->host))) return foreign_host(host_text);
  }
  if (request.count("origin") == 0) return std::nullopt;
  const std::string text = request.header("origin");
  if (list.allows(text)) return std::nullopt;
  const auto origin = Origin::parse(text);
  if (!origin) return foreign_page(text);
  if (host && is_same(*origin, *host)) return std::nullopt;
  if (path.loopback && is_page_of_this_machine(*origin)) return std::nullopt;
  return foreign_page(text);
}

}  // namespace wskit::server::http
