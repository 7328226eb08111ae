#include "wsserve/stats.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace wskit::server {
namespace {

using Member = Counter ShardCounters::*;

constexpr auto kSums = std::to_array<std::pair<const char*, Member>>({
    {"event_streams", &ShardCounters::event_streams},
    {"subscriptions", &ShardCounters::subscriptions},
    {"published", &ShardCounters::published},
    {"duplicates", &ShardCounters::duplicates},
    {"unavailable", &ShardCounters::unavailable},
    {"delivered", &ShardCounters::delivered},
    {"merged", &ShardCounters::merged},
    {"filtered", &ShardCounters::filtered},
    {"dropped", &ShardCounters::dropped},
    {"queued_bytes", &ShardCounters::queued_bytes},
    {"replay_bytes", &ShardCounters::replay_bytes},
    {"commands", &ShardCounters::commands},
    {"command_errors", &ShardCounters::command_errors},
    {"accepted", &ShardCounters::accepted},
    {"refused", &ShardCounters::refused},
    {"http_requests", &ShardCounters::http_requests},
    {"http_errors", &ShardCounters::http_errors},
    {"closed_slow", &ShardCounters::closed_slow},
    {"closed_silent", &ShardCounters::closed_silent},
    {"closed_violation", &ShardCounters::closed_violation},
    {"handshake_timeouts", &ShardCounters::handshake_timeouts},
    {"tls_handshakes", &ShardCounters::tls_handshakes},
    {"tls_failures", &ShardCounters::tls_failures},
    {"held_back", &ShardCounters::held_back},
    {"bytes_in", &ShardCounters::bytes_in},
    {"bytes_out", &ShardCounters::bytes_out},
    {"refused_address", &ShardCounters::refused_address},
    {"refused_user", &ShardCounters::refused_user},
    {"refused_rate", &ShardCounters::refused_rate},
    {"refused_subscriptions", &ShardCounters::refused_subscriptions},
    {"dropped_connections", &ShardCounters::dropped_connections},
    {"bad_proxy_headers", &ShardCounters::bad_proxy_headers},
    {"rate_limited_commands", &ShardCounters::rate_limited_commands},
    {"rate_limited_events", &ShardCounters::rate_limited_events},
    {"rate_limited_requests", &ShardCounters::rate_limited_requests},
    {"closed_rate", &ShardCounters::closed_rate},
    {"too_large", &ShardCounters::too_large},
});

std::uint64_t sum(std::span<const ShardCounters* const> shards, Member member) {
  std::uint64_t total = 0;
  for (const ShardCounters* shard : shards) total += (shard->*member).get();
  return total;
}

nlohmann::ordered_json store_json(const store::Status& store) {
  nlohmann::ordered_json json;
  json["available"] = store.available;
  if (!store.available) json["reason"] = store.reason;
  json["failures"] = store.failures;
  json["queued_events"] = store.queued_events;
  json["queued_bytes"] = store.queued_bytes;
  json["commits"] = store.commits;
  json["stored_events"] = store.stored_events;
  json["failed_events"] = store.failed_events;
  json["read_events"] = store.read_events;
  json["file_bytes"] = store.file_bytes;
  json["last_commit_us"] = store.last_commit.count();
  json["last_commit_events"] = store.last_commit_events;
  return json;
}

}  // namespace

std::string stats_json(const ServerIdentity& identity, std::span<const ShardCounters* const> shards,
                       const HubFigures& hub, const store::Status* store) {
  nlohmann::ordered_json stats;
  stats["total_connections"] = sum(shards, &ShardCounters::connections);
  // Every connection is anonymous: this server knows no users.
  stats["unique_users"] = 0;
  stats["connections_by_user"] = nlohmann::ordered_json::object();
  stats["channels"] = hub.channels;
  stats["channels_forgotten"] = hub.channels_forgotten;
  for (const auto& [name, member] : kSums) stats[name] = sum(shards, member);
  stats["merged_pongs"] = sum(shards, &ShardCounters::merged_pongs);
  stats["history_bytes"] = hub.history_bytes;
  stats["history_max_bytes"] = hub.history_max_bytes;
  stats["history_evicted"] = hub.history_evicted;
  if (store != nullptr) stats["store"] = store_json(*store);
  const auto up = std::chrono::steady_clock::now() - identity.started;
  stats["uptime"] = std::chrono::duration_cast<std::chrono::duration<double>>(up).count();
  stats["shards"] = shards.size();
  stats["server"] = identity.server;
  stats["node"] = identity.node;
  return stats.dump();
}

}  // namespace wskit::server
