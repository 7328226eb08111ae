// The proxies in front of the server that are believed when they say whose
// connection it is, and what they say.
//
// Threads: immutable after construction.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "wsserve/limits/peer_address.h"

namespace wskit::server {

class TrustedProxies {
 public:
  // A network, or `unix` for whoever comes over a unix socket. False: it is neither.
  [[nodiscard]] bool add(std::string_view text);

  [[nodiscard]] bool empty() const { return networks_.empty() && !unix_; }
  [[nodiscard]] bool trusts(const PeerAddress& peer) const;

 private:
  std::vector<Network> networks_;
  bool unix_ = false;
};

// In which header a proxy says it. One of them alone is looked at: clients send the
// other one as they like, and proxies pass it on.
enum class ForwardedHeader : std::uint8_t { kXForwardedFor, kForwarded };

[[nodiscard]] std::string_view header_name(ForwardedHeader header);  // in lower case

// The client that the header of a trusted proxy's request names: the last address
// in it that is no trusted proxy's, for each proxy adds its own peer at the end and
// whatever stands before that may be invented. If all are trusted proxies', the
// first one; if something in between is no address, the one behind it. Nothing: the
// header names nobody.
[[nodiscard]] std::optional<PeerAddress> forwarded_client(std::string_view value, ForwardedHeader header,
                                                          const TrustedProxies& proxies);

}  // namespace wskit::server
