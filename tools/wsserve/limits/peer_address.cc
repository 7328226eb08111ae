#include "wsserve/limits/peer_address.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>
#include <cstring>

namespace wskit::server {

PeerAddress PeerAddress::from(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof(in));
    return PeerAddress(IpAddress(in.sin_addr), ntohs(in.sin_port));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 in6{};
    std::memcpy(&in6, address, sizeof(in6));
    return PeerAddress(IpAddress(in6.sin6_addr), ntohs(in6.sin6_port));
  }
  return {};
}

std::string PeerAddress::host() const { return ip_ ? ip_->to_string() : "unix"; }

std::string PeerAddress::to_string() const {
  if (!ip_ || port_ == 0) return host();
  if (ip_->is_v4()) return fmt::format("{}:{}", ip_->to_string(), port_);
  return fmt::format("[{}]:{}", ip_->to_string(), port_);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.size() > 1 && text.starts_with('0')) return std::nullopt;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

}  // namespace wskit::server
