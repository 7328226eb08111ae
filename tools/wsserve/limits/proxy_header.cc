#include "wsserve/limits/proxy_header.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace wskit::server {
namespace {

constexpr std::string_view kLineBegin = "PROXY ";
constexpr std::size_t kMaxLine = 107;  // with its end

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kBinaryHead = 16;

// Of the 13th and 14th byte of version 2.
constexpr unsigned kLocal = 0x20;
constexpr unsigned kProxied = 0x21;
enum Family : unsigned { kUnspecified = 0, kInet = 1, kInet6 = 2, kUnix = 3 };
constexpr unsigned kMaxTransport = 2;  // unspecified, stream, datagram

unsigned byte_at(std::string_view text, std::size_t index) { return static_cast<unsigned char>(text[index]); }

unsigned number_at(std::string_view text, std::size_t index) {
  return byte_at(text, index) << 8U | byte_at(text, index + 1);
}

bool begins_alike(std::string_view text, std::string_view whole) {
  const std::size_t size = std::min(text.size(), whole.size());
  return text.substr(0, size) == whole.substr(0, size);
}

template <class Address>
PeerAddress peer_at(std::string_view addresses, std::size_t port_at) {
  Address address{};
  std::memcpy(&address, addresses.data(), sizeof(address));
  return PeerAddress(IpAddress(address), static_cast<std::uint16_t>(number_at(addresses, port_at)));
}

}  // namespace

ProxyHeader::Step ProxyHeader::feed(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size()) {
    const std::size_t piece = std::min(wanted_ - header_.size(), bytes.size() - used);
    header_.append(bytes.substr(used, piece));
    used += piece;
    if (header_.size() < wanted_) break;
    const Status status = read();
    if (status != Status::kNeedMore) return {status, used};
  }
  // Enough to see that it will be none?
  const bool may_be = begins_alike(header_, kSignature) || begins_alike(header_, kLineBegin);
  return {may_be ? Status::kNeedMore : Status::kBad, used};
}

// At wanted_ bytes: sets a further goal, or ends.
ProxyHeader::Status ProxyHeader::read() {
  if (begins_alike(header_, kSignature)) return read_binary();
  if (begins_alike(header_, kLineBegin)) return read_line();
  return Status::kBad;
}

ProxyHeader::Status ProxyHeader::read_line() {
  if (!header_.ends_with('\n')) {
    // Byte by byte, for what follows the end of the line is the client's.
    ++wanted_;
    return header_.size() < kMaxLine ? Status::kNeedMore : Status::kBad;
  }
  if (!header_.ends_with("\r\n")) return Status::kBad;
  std::string_view line(header_);
  line.remove_suffix(2);
  std::array<std::string_view, 6> words;  // PROXY, family, source, destination, two ports
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t end = line.find(' ');
    words.at(i) = line.substr(0, end);
    // Whatever else stands behind UNKNOWN is to be passed over.
    if (i == 1 && words[1] == "UNKNOWN") return Status::kDone;
    if ((end == std::string_view::npos) != (i + 1 == words.size())) return Status::kBad;
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  }
  const bool v4 = words[1] == "TCP4";
  if (!v4 && words[1] != "TCP6") return Status::kBad;
  const bool right_family =
      std::ranges::all_of(std::array{words[2], words[3]}, [v4](std::string_view address) {
        return IpAddress::parse(address) && (address.find(':') == std::string_view::npos) == v4;
      });
  const auto port = parse_port(words[4]);
  if (!right_family || !port || !parse_port(words[5])) return Status::kBad;
  client_ = PeerAddress(*IpAddress::parse(words[2]), *port);
  return Status::kDone;
}

ProxyHeader::Status ProxyHeader::read_binary() {
  if (header_.size() < kBinaryHead) {
    wanted_ = kBinaryHead;
    return Status::kNeedMore;
  }
  const unsigned command = byte_at(header_, 12);
  const unsigned family = byte_at(header_, 13) >> 4U;
  const unsigned transport = byte_at(header_, 13) & 0x0fU;
  if ((command != kLocal && command != kProxied) || family > kUnix || transport > kMaxTransport) {
    return Status::kBad;
  }
  wanted_ = kBinaryHead + number_at(header_, 14);
  if (wanted_ > kMaxBytes) return Status::kBad;
  if (header_.size() < wanted_) return Status::kNeedMore;
  if (command == kLocal) return Status::kDone;
  const std::string_view addresses = std::string_view(header_).substr(kBinaryHead);
  // Source and destination, then their ports.
  constexpr std::size_t kInetBytes = 2 * sizeof(in_addr) + 4;
  constexpr std::size_t kInet6Bytes = 2 * sizeof(in6_addr) + 4;
  if (family == kInet) {
    if (addresses.size() < kInetBytes) return Status::kBad;
    client_ = peer_at<in_addr>(addresses, 2 * sizeof(in_addr));
  } else if (family == kInet6) {
    if (addresses.size() < kInet6Bytes) return Status::kBad;
    client_ = peer_at<in6_addr>(addresses, 2 * sizeof(in6_addr));
  }
  return Status::kDone;
}

}  // namespace wskit::server
