// What an operator can set, as the server uses it.
//
// Threads: immutable. A reload makes another one, which each shard takes up between
// two turns; nobody refers to a part of one for longer than a turn.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/websocket/handshake.h"
#include "common/websocket/message_reader.h"
#include "wsserve/auth/gate.h"
#include "wsserve/channel/hub.h"
#include "wsserve/fanout/pace.h"
#include "wsserve/http/endpoint.h"
#include "wsserve/http/origin.h"
#include "wsserve/http/request_reader.h"
#include "wsserve/limits/limit_settings.h"
#include "wsserve/transport/tls_context.h"

namespace wskit::server {

struct Settings {
  std::vector<std::string> default_channels;
  auth::GatePtr gate = std::make_shared<const auth::Gate>();  // never null
  std::vector<http::Endpoint> endpoints;                      // no two match the same path
  http::OriginList origins;
  bool echo = false;

  std::chrono::milliseconds auth_timeout{std::chrono::seconds{10}};
  std::chrono::milliseconds handshake_timeout{std::chrono::seconds{10}};
  std::chrono::milliseconds idle_timeout{std::chrono::seconds{60}};
  std::chrono::milliseconds heartbeat{std::chrono::seconds{30}};
  std::chrono::milliseconds min_heartbeat{std::chrono::seconds{1}};  // that a client may ask for
  std::chrono::milliseconds close_timeout{std::chrono::seconds{5}};
  std::chrono::milliseconds drain{std::chrono::seconds{10}};

  PaceBounds pace;

  std::size_t max_connections = 100'000;
  std::size_t max_channels_per_connection = 1'000;
  std::size_t max_patterns_per_connection = 1'000;
  LimitSettings limits;
  HubLimits hub;
  ChannelRules channels;
  std::size_t queue_limit_bytes = std::size_t{1} << 20;
  websocket::ReaderLimits message_limits{};
  http::RequestLimits http_limits{};
  websocket::DeflatePolicy deflate{};
  TlsContextPtr tls;  // of every TCP listener; null: all speak plain HTTP
};

using SettingsPtr = std::shared_ptr<const Settings>;

// The echo endpoint is a test bench for other implementations, Autobahn's limits
// included.
inline constexpr websocket::ReaderLimits kEchoLimits{.max_message_bytes = std::size_t{16} << 20,
                                                     .max_fragments = 131'072};

}  // namespace wskit::server
