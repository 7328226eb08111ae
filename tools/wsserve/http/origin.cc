#include "wsserve/http/origin.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/protocol/quote.h"
#include "wsserve/http/field_value.h"
#include "wsserve/http/host.h"
#include "wsserve/limits/trusted_proxies.h"

namespace wskit::server::http {
namespace {

constexpr std::string_view kAnyPort = ":*";

std::uint16_t default_port(std::string_view scheme) {
  if (scheme == "http") return 80;
  return scheme == "https" ? 443 : 0;
}

// Of schemes and of the hosts of pages: an origin has no other ones.
bool is_origin_character(char c) {
  const bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  return letter_or_digit || c == '-' || c == '.' || c == '_';
}

// A name with a dot is one that somebody may own out there. An address is none.
bool is_local_name(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  // What is escaped may be a dot.
  const bool has_dot = host.find_first_of(".%") != std::string_view::npos;
  return is_ip(host) || !has_dot || host.ends_with(".localhost");
}

bool is_page_of_this_machine(const Origin& origin) {
  if (origin.scheme == "file") return true;
  if (origin.scheme != "http" && origin.scheme != "https") return false;
  return is_this_machine(origin.host);
}

bool is_same(const Origin& origin, const HostAndPort& host) {
  return origin.host == host.host && origin.port == host.port.value_or(default_port(origin.scheme));
}

// Whether a proxy, trusted or not, says that it forwards for another machine.
bool comes_from_elsewhere(const Request& request) {
  constexpr std::array<std::string_view, 3> kNames{"x-forwarded-for", "x-real-ip", "forwarded"};
  static const TrustedProxies kThisMachines = [] {
    TrustedProxies proxies;
    (void)proxies.add("127.0.0.0/8");
    (void)proxies.add("::1");
    return proxies;
  }();
  return std::ranges::any_of(kNames, [&](std::string_view name) {
    const auto header = name == "forwarded" ? ForwardedHeader::kForwarded : ForwardedHeader::kXForwardedFor;
    if (request.count(name) == 0) return false;
    const auto client = forwarded_client(request.header(name), header, kThisMachines);
    return !client || !client->ip() || !client->ip()->is_loopback();
  });
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
  origin.scheme = lower_case(text.substr(0, end));
  if (!std::ranges::all_of(origin.scheme, [](char c) { return is_origin_character(c) || c == '+'; })) {
    return std::nullopt;
  }
  const std::string_view rest = text.substr(end + kBehindScheme.size());
  if (rest.empty() && origin.scheme == "file") return origin;
  auto host = HostAndPort::parse(rest);
  if (!host || rest.ends_with(':') || host->port == 0) return std::nullopt;
  if (!is_ip(host->host) && !std::ranges::all_of(host->host, is_origin_character)) return std::nullopt;
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
  const auto host = HostAndPort::parse(host_text);
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
  // Whoever asks for another name, or through a proxy for somebody else, has a machine
  // of his own, and its pages are not this one's.
  const bool is_here = path.loopback && host && is_this_machine(host->host) && !comes_from_elsewhere(request);
  if (is_here && is_page_of_this_machine(*origin)) return std::nullopt;
  return foreign_page(text);
}

}  // namespace wskit::server::http
