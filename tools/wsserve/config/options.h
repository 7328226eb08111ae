// wsserve's command line: what was typed, and what it means.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "common/cli/tool.h"
#include "wsserve/config/access_options.h"
#include "wsserve/config/endpoint_options.h"
#include "wsserve/config/limit_options.h"
#include "wsserve/config/live_options.h"
#include "wsserve/config/route_options.h"
#include "wsserve/config/rule_options.h"
#include "wsserve/settings.h"
#include "wsserve/store/store.h"
#include "wsserve/transport/listener.h"
#include "wsserve/transport/tls_context.h"

namespace wskit::server {

// As it was typed; the values here are the defaults that --help shows.
struct Options {
  std::vector<std::string> listen{"127.0.0.1:9000"};
  std::uint64_t threads = 0;  // 0: one a core
  std::vector<std::string> default_channels;
  std::vector<std::string> latest;
  std::uint64_t history = 1'000;
  std::uint64_t history_bytes = 16 << 20;
  std::uint64_t history_total = 256 << 20;
  std::chrono::nanoseconds history_ttl = std::chrono::hours{24};
  // Which of them somebody has set: only these hold for the store.
  struct Stated {
    bool history = false;
    bool history_bytes = false;
    bool history_ttl = false;
  } stated;
  std::chrono::nanoseconds channel_ttl = std::chrono::hours{24};
  std::string store;  // a path; empty: no channel is durable
  store::Sync store_sync = store::Sync::kFull;
  std::uint64_t dedup_ids = 10'000;
  std::chrono::nanoseconds dedup_ttl = std::chrono::minutes{10};
  std::uint64_t dedup_producers = 1'000;
  std::uint64_t dedup_total = 256 << 20;
  std::vector<std::string> origins;
  bool echo = false;
  std::string audit;  // a path; empty: no audit log
  bool audit_data = false;
  auth::AccessOptions access;
  TlsFiles tls;
  bool no_compression = false;
  bool server_context_takeover = false;
  bool client_context_takeover = false;
  std::uint64_t max_connections = 100'000;
  std::uint64_t max_channels = 1'000;
  std::uint64_t max_patterns = 1'000;
  std::uint64_t max_server_channels = 1'000'000;
  std::optional<std::uint64_t> max_server_channels_per_client;  // 0: any number
  std::uint64_t max_message = 1 << 20;
  std::uint64_t queue_limit = 1 << 20;
  std::uint64_t max_header = std::uint64_t{32} << 10;
  std::uint64_t max_body = 1 << 20;
  std::chrono::nanoseconds handshake_timeout = std::chrono::seconds{10};
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds{60};
  std::chrono::nanoseconds heartbeat = std::chrono::seconds{30};
  std::chrono::nanoseconds min_heartbeat = std::chrono::seconds{1};
  std::optional<double> min_pace;
  std::optional<double> max_pace;
  LimitOptions limits;
  std::chrono::nanoseconds drain = std::chrono::seconds{10};
  LiveOptions live;  // of these
  // Of the configuration file, in its order.
  std::deque<RuleOptions> rules;
  std::deque<EndpointOptions> endpoints;
  std::deque<RouteOptions> routes;
};

void add_options(cli::Tool& tool, Options& options);

// REQUIRE: every value was found right when it was read.
[[nodiscard]] Settings to_settings(const Options& options);
[[nodiscard]] std::vector<ListenAddress> to_addresses(const Options& options);
[[nodiscard]] std::size_t to_shards(const Options& options);
struct OpenedBroker {
  std::unique_ptr<broker::Broker> broker;
  // Channels that begin new epochs, for acknowledged events of theirs may be lost.
  std::size_t renewed = 0;
};
[[nodiscard]] protocol::Result<OpenedBroker> to_broker(const Options& options, const ChannelRules& rules);

}  // namespace wskit::server
