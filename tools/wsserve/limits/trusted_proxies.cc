#include "wsserve/limits/trusted_proxies.h"

#include <algorithm>
#include <string>

#include "common/text.h"

namespace wskit::server {
namespace {

bool is_same_letters(std::string_view text, std::string_view lower_case) {
  return std::ranges::equal(text, lower_case, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
std::optional<PeerAddress> parse_node(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = text.substr(1, end - 1);
    if (host.find(':') == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) return std::nullopt;
    if (!rest.empty()) port = rest.substr(1);
    if (!rest.empty() && port.empty()) return std::nullopt;
  } else if (std::ranges::count(text, ':') == 1) {
    host = text.substr(0, text.find(':'));
    port = text.substr(text.find(':') + 1);
    if (port.empty()) return std::nullopt;
  }
  const auto ip = IpAddress::parse(host);
  if (!ip) return std::nullopt;
  if (port.empty()) return PeerAddress(*ip);
  const auto number = parse_port(port);
  if (!number) return std::nullopt;
  return PeerAddress(*ip, *number);
}

// What `for=` says in one element of a Forwarded header, without its quotes; empty:
// nothing. An address has no character that would need an escape.
std::string_view forwarded_for(std::string_view element) {
  while (!element.empty()) {
    const std::size_t end = element.find(';');
    const std::string_view pair = trim(element.substr(0, end), kFieldWhiteSpace);
    element = end == std::string_view::npos ? std::string_view() : element.substr(end + 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || !is_same_letters(pair.substr(0, equals), "for")) continue;
    std::string_view node = pair.substr(equals + 1);
    if (node.size() >= 2 && node.starts_with('"') && node.ends_with('"')) {
      node = node.substr(1, node.size() - 2);
    }
    return node;
  }
  return {};
}

}  // namespace

bool TrustedProxies::add(std::string_view text) {
  if (text == "unix") {
    unix_ = true;
    return true;
  }
  const auto network = Network::parse(text);
  if (network) networks_.push_back(*network);
  return network.has_value();
}

bool TrustedProxies::trusts(const PeerAddress& peer) const {
  if (!peer.ip()) return unix_;
  return std::ranges::any_of(networks_, [&](const Network& network) { return network.contains(*peer.ip()); });
}

std::string_view header_name(ForwardedHeader header) {
  return header == ForwardedHeader::kForwarded ? "forwarded" : "x-forwarded-for";
}

std::optional<PeerAddress> forwarded_client(std::string_view value, ForwardedHeader header,
                                            const TrustedProxies& proxies) {
  std::optional<PeerAddress> client;
  // From the end on, as far as the proxies are believed. Quoted commas would only
  // stand in what a client has invented.
  while (true) {
    const std::size_t comma = value.rfind(',');
    const std::string_view element =
        trim(comma == std::string_view::npos ? value : value.substr(comma + 1), kFieldWhiteSpace);
    const bool is_first = comma == std::string_view::npos;
    value = value.substr(0, is_first ? 0 : comma);
    // An empty member of a list says nothing (RFC 9110 section 5.6.1.2).
    if (element.empty() && !is_first) continue;
    const auto node = parse_node(header == ForwardedHeader::kForwarded ? forwarded_for(element) : element);
    if (!node) return client;
    client = node;
    if (!proxies.trusts(*node) || is_first) return client;
  }
}

}  // namespace wskit::server
