#include "wsserve/limits/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace wskit::server {
namespace {

constexpr std::size_t kV4At = 12;
constexpr std::array<char, kV4At> kV4Prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '\xff', '\xff'};
constexpr std::size_t kV6Counted = 8;
constexpr unsigned kBits = 128;

}  // namespace

IpAddress::IpAddress(const in_addr& address) {
  std::ranges::copy(kV4Prefix, bytes_.begin());
  std::memcpy(bytes_.data() + kV4At, &address, sizeof(address));
}

IpAddress::IpAddress(const in6_addr& address) { std::memcpy(bytes_.data(), &address, sizeof(address)); }

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::ranges::copy(text, terminated.begin());
  in_addr v4{};
  if (::inet_pton(AF_INET, terminated.data(), &v4) == 1) return IpAddress(v4);
  in6_addr v6{};
  if (::inet_pton(AF_INET6, terminated.data(), &v6) == 1) return IpAddress(v6);
  return std::nullopt;
}

bool IpAddress::is_v4() const { return std::equal(kV4Prefix.begin(), kV4Prefix.end(), bytes_.begin()); }

bool IpAddress::is_loopback() const {
  constexpr char kLoopbackV4 = 127;
  return is_v4() ? bytes_[kV4At] == kLoopbackV4 : *this == IpAddress(in6addr_loopback);
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const char* bytes = is_v4() ? bytes_.data() + kV4At : bytes_.data();
  ::inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes, text.data(), text.size());
  return text.data();
}

std::string_view IpAddress::counted_as() const {
  if (is_v4()) return {bytes_.data() + kV4At, bytes_.size() - kV4At};
  return {bytes_.data(), kV6Counted};
}

std::optional<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto base = IpAddress::parse(text.substr(0, slash));
  if (!base) return std::nullopt;
  Network network;
  network.base_ = *base;
  if (slash == std::string_view::npos) return network;
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  const unsigned before = base->is_v4() && text.find(':') == std::string_view::npos ? kV4At * 8 : 0;
  if (length > kBits - before) return std::nullopt;
  network.length_ = before + length;
  // 10.1.2.3/8 is more likely a slip than a wish for the whole of 10.0.0.0/8.
  for (unsigned bit = network.length_; bit < kBits; ++bit) {
    if ((static_cast<unsigned char>(base->bytes_.at(bit / 8)) & (0x80U >> (bit % 8))) != 0) {
      return std::nullopt;
    }
  }
  return network;
}

bool Network::contains(const IpAddress& address) const {
  const std::size_t whole = length_ / 8;
  if (std::memcmp(base_.bytes_.data(), address.bytes_.data(), whole) != 0) return false;
  if (length_ % 8 == 0) return true;
  const auto mask = static_cast<unsigned char>(0xff00U >> (length_ % 8));
  return ((static_cast<unsigned char>(base_.bytes_.at(whole)) ^
           static_cast<unsigned char>(address.bytes_.at(whole))) &
          mask) == 0;
}

}  // namespace wskit::server
