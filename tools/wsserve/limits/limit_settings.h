// How much of the server anybody may take, as an operator sets it.
//
// Threads: immutable, a part of the settings.
#pragma once

#include <chrono>
#include <cstddef>

#include "wsserve/limits/token_bucket.h"
#include "wsserve/limits/trusted_proxies.h"

namespace wskit::server {

struct LimitSettings {
  // 0: as many as there are.
  std::size_t connections_per_address = 0;
  std::size_t connections_per_user = 0;
  std::size_t subscriptions = 0;  // of all connections together

  Rate new_connections;
  Rate new_connections_per_address;
  Rate requests_per_address;
  Rate commands;  // of one connection
  Rate commands_per_user;
  Rate events;  // of one connection
  Rate events_per_user;
  // How long a connection may go on in spite of RATE_LIMITED.
  std::chrono::milliseconds patience{std::chrono::seconds{10}};

  TrustedProxies proxies;
  ForwardedHeader forwarded_header = ForwardedHeader::kXForwardedFor;
  bool proxy_protocol = false;  // connections of trusted proxies begin with its header

  [[nodiscard]] bool watches_addresses() const {
    return connections_per_address > 0 || new_connections_per_address.is_limited() ||
           requests_per_address.is_limited();
  }
  [[nodiscard]] bool watches_users() const {
    return connections_per_user > 0 || commands_per_user.is_limited() || events_per_user.is_limited();
  }
  [[nodiscard]] bool watches_traffic() const {
    return commands.is_limited() || events.is_limited() || commands_per_user.is_limited() ||
           events_per_user.is_limited();
  }
};

}  // namespace wskit::server
