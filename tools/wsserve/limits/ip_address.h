// An IPv4 or IPv6 address, and the networks that an operator writes down.
//
// Threads: plain values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct in_addr;
struct in6_addr;

namespace wskit::server {

// An IPv4 address that came in IPv6's clothes (::ffff:192.0.2.1) is the IPv4 address.
class IpAddress {
 public:
  IpAddress() = default;
  explicit IpAddress(const in_addr& address);
  explicit IpAddress(const in6_addr& address);

  // `192.0.2.1` or `2001:db8::1`, nothing around it.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] std::string to_string() const;

  // The bytes of what counts as one address: the four of an IPv4 address, the first
  // eight (the /64) of an IPv6 one, for whoever has one of its addresses has all.
  [[nodiscard]] std::string_view counted_as() const;

  bool operator==(const IpAddress&) const = default;

 private:
  friend class Network;

  std::array<char, 16> bytes_{};  // network order; of IPv4 the last four
};

// `10.0.0.0/8`, `2001:db8::/32`, or one address.
class Network {
 public:
  // Nothing: no address, a length that is too long, or bits behind the length.
  [[nodiscard]] static std::optional<Network> parse(std::string_view text);

  [[nodiscard]] bool contains(const IpAddress& address) const;

 private:
  IpAddress base_;
  unsigned length_ = 128;  // of the bits that count, of 128
};

}  // namespace wskit::server
