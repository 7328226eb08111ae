// Who is at the other end of a connection, as far as the network knows.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wsserve/limits/ip_address.h"

struct sockaddr;

namespace wskit::server {

class PeerAddress {
 public:
  // Over a unix socket.
  PeerAddress() = default;
  explicit PeerAddress(const IpAddress& ip, std::uint16_t port = 0) : ip_(ip), port_(port) {}
  // As accept() gives it. Any family but IPv4 and IPv6 counts as a unix socket.
  [[nodiscard]] static PeerAddress from(const sockaddr* address);

  // Nothing over a unix socket.
  [[nodiscard]] const std::optional<IpAddress>& ip() const { return ip_; }
  // `192.0.2.1`, `2001:db8::1` or `unix`.
  [[nodiscard]] std::string host() const;
  // With the port, if it is known: `192.0.2.1:4711`, `[2001:db8::1]:4711`.
  [[nodiscard]] std::string to_string() const;

  bool operator==(const PeerAddress&) const = default;

 private:
  std::optional<IpAddress> ip_;
  std::uint16_t port_ = 0;  // 0: not known
};

// 0 to 65535, without zeros in front.
[[nodiscard]] std::optional<std::uint16_t> parse_port(std::string_view text);

}  // namespace wskit::server
