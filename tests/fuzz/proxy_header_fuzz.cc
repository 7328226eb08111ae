// What a proxy says of its client: one byte that chooses the pieces in which it
// comes, then a PROXY protocol header; and the same bytes as the value of a
// forwarding header.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "claim.h"
#include "wsserve/limits/proxy_header.h"
#include "wsserve/limits/trusted_proxies.h"

namespace {

using namespace wskit::server;  // NOLINT(google-build-using-namespace): a program of its own
using wskit::fuzz::claim;

struct Outcome {
  ProxyHeader::Status status = ProxyHeader::Status::kNeedMore;
  std::size_t used = 0;
  std::optional<PeerAddress> client;

  bool operator==(const Outcome&) const = default;
};

Outcome read(std::string_view bytes, std::size_t piece) {
  ProxyHeader header;
  Outcome outcome;
  while (outcome.status == ProxyHeader::Status::kNeedMore && outcome.used < bytes.size()) {
    const std::string_view next = bytes.substr(outcome.used, piece);
    const auto [status, used] = header.feed(next);
    claim(used <= next.size(), "no more is used than came");
    claim(used == next.size() || status != ProxyHeader::Status::kNeedMore, "who wants more has used all");
    outcome.status = status;
    outcome.used += used;
    claim(outcome.used <= ProxyHeader::kMaxBytes, "a header is never longer than it may be");
  }
  outcome.client = header.client();
  return outcome;
}

void check_address(const std::optional<PeerAddress>& client) {
  if (!client) return;
  claim(client->ip().has_value(), "a client has an address");
  const auto again = IpAddress::parse(client->host());
  claim(again && *again == *client->ip(), "an address reads as it is written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  const Outcome whole = read(text, text.size() + 1);
  const Outcome in_pieces = read(text, 1U + bytes[0] % 64U);
  // A fault may be seen at the end of an earlier piece, with less used.
  claim(whole.status == in_pieces.status, "pieces make no difference");
  claim(whole.client == in_pieces.client, "nor do they to the client");
  if (whole.status == ProxyHeader::Status::kDone) {
    claim(whole.used == in_pieces.used, "the header ends where it ends");
    claim(read(text.substr(0, whole.used), size) == whole, "and needs nothing behind it");
  } else {
    claim(!whole.client, "only a whole header names a client");
  }
  check_address(whole.client);

  TrustedProxies proxies;
  (void)proxies.add("10.0.0.0/8");
  for (const ForwardedHeader header : {ForwardedHeader::kXForwardedFor, ForwardedHeader::kForwarded}) {
    const auto client = forwarded_client(text, header, proxies);
    check_address(client);
    const std::string prefixed = "for=1.1.1.1, " + std::string(text);
    const auto spoofed = forwarded_client(prefixed, header, proxies);
    claim(!client || proxies.trusts(*client) || spoofed == client, "what stands in front changes nothing");
  }
  (void)Network::parse(text);
  return 0;
}
