#include "wsserve/status/stats.h"

#include <fmt/format.h>

#include <array>

#include "wsserve/json_object.h"

namespace wskit::server {
namespace {

using Kind = CounterInfo::Kind;
using C = ShardCounters;

constexpr auto kCounters = std::to_array<CounterInfo>({
    {"total_connections", &C::connections, Kind::kNow, "wskit_connections", "",
     "WebSockets and event streams that are open"},
    {"event_streams", &C::event_streams, Kind::kNow, "wskit_event_streams", "",
     "Open streams of server-sent events; they count as connections too"},
    {"subscriptions", &C::subscriptions, Kind::kNow, "wskit_subscriptions", "",
     "Subscribed names and patterns, of all connections together"},
    {"published", &C::published, Kind::kTotal, "wskit_events_published_total", "",
     "Events accepted from publishers, without duplicates"},
    {"duplicates", &C::duplicates, Kind::kTotal, "wskit_events_duplicate_total", "",
     "Events not published again, for their dedup id or sequence was known"},
    {"routed", &C::routed, Kind::kTotal, "wskit_events_routed_total", "",
     "Copies of events that routes made in other channels"},
    {"route_failures_no_value", &C::route_no_value, Kind::kTotal, "wskit_route_failures_total",
     R"(reason="no_value")", "Copies that a route could not make"},
    {"route_failures_bad_channel", &C::route_bad_channel, Kind::kTotal, "wskit_route_failures_total",
     R"(reason="bad_channel")", "Copies that a route could not make"},
    {"route_failures_server_full", &C::route_server_full, Kind::kTotal, "wskit_route_failures_total",
     R"(reason="server_full")", "Copies that a route could not make"},
    {"route_failures_not_stored", &C::route_not_stored, Kind::kTotal, "wskit_route_failures_total",
     R"(reason="not_stored")", "Copies that a route could not make"},
    {"unavailable", &C::unavailable, Kind::kTotal, "wskit_events_unavailable_total", "",
     "Events not accepted, for the store could not keep them"},
    {"delivered", &C::delivered, Kind::kTotal, "wskit_events_delivered_total", "",
     "Events handed to connections, once for each"},
    {"merged", &C::merged, Kind::kTotal, "wskit_events_merged_total", "",
     "Events for which a newer one of their key was delivered"},
    {"filtered", &C::filtered, Kind::kTotal, "wskit_events_filtered_total", "",
     "Events that a subscription's types kept away"},
    {"dropped", &C::dropped, Kind::kTotal, "wskit_events_dropped_total", "",
     "Events that waited for a slow reader when it was closed"},
    {"queued_bytes", &C::queued_bytes, Kind::kNow, "wskit_queued_bytes", "",
     "Bytes that wait for sockets to take them"},
    {"replay_bytes", &C::replay_bytes, Kind::kNow, "wskit_replay_bytes", "",
     "Bytes of history read ahead for replays and not handed over yet"},
    {"commands", &C::commands, Kind::kTotal, "wskit_commands_total", "", "Commands received over WebSockets"},
    {"command_errors", &C::command_errors, Kind::kTotal, "wskit_command_errors_total", "",
     "Commands answered with an error"},
    {"accepted", &C::accepted, Kind::kTotal, "wskit_sockets_accepted_total", "", "Sockets accepted"},
    {"refused", &C::refused, Kind::kTotal, "wskit_connections_refused_total", "",
     "Connections refused for want of room: too many, or no descriptors left"},
    {"refused_address", &C::refused_address, Kind::kTotal, "wskit_connections_over_limit_total",
     R"(limit="address")",
     "Connections refused because their address or user has too many, or they come too fast"},
    {"refused_user", &C::refused_user, Kind::kTotal, "wskit_connections_over_limit_total", R"(limit="user")",
     "Connections refused because their address or user has too many, or they come too fast"},
    {"refused_rate", &C::refused_rate, Kind::kTotal, "wskit_connections_over_limit_total", R"(limit="rate")",
     "Connections refused because their address or user has too many, or they come too fast"},
    {"dropped_connections", &C::dropped_connections, Kind::kTotal, "wskit_connections_dropped_total", "",
     "Connections closed when they came, without an answer"},
    {"bad_proxy_headers", &C::bad_proxy_headers, Kind::kTotal, "wskit_bad_proxy_headers_total", "",
     "Connections closed because their PROXY header was none"},
    {"refused_subscriptions", &C::refused_subscriptions, Kind::kTotal, "wskit_subscriptions_refused_total",
     "", "Subscriptions refused by --max-channels or --max-subscriptions"},
    {"refused_channels_server", &C::refused_channels_server, Kind::kTotal, "wskit_channels_refused_total",
     R"(limit="server")",
     "Channels not made: the server has as many as it may, or their client made as many"},
    {"refused_channels_client", &C::refused_channels_client, Kind::kTotal, "wskit_channels_refused_total",
     R"(limit="client")",
     "Channels not made: the server has as many as it may, or their client made as many"},
    {"rate_limited_commands", &C::rate_limited_commands, Kind::kTotal, "wskit_rate_limited_commands_total",
     "", "Commands answered with RATE_LIMITED"},
    {"rate_limited_events", &C::rate_limited_events, Kind::kTotal, "wskit_rate_limited_events_total", "",
     "Events that these commands would have published"},
    {"rate_limited_requests", &C::rate_limited_requests, Kind::kTotal, "wskit_rate_limited_requests_total",
     "", "HTTP requests answered with 429 because their address sends too many"},
    {"refused_origin", &C::refused_origin, Kind::kTotal, "wskit_origins_refused_total", "",
     "Requests of pages that may not use the server"},
    {"too_large", &C::too_large, Kind::kTotal, "wskit_too_large_total", "",
     "Messages and request bodies that were too large"},
    {"http_requests", &C::http_requests, Kind::kTotal, "wskit_http_requests_total", "",
     "HTTP requests received, upgrades included"},
    {"http_errors", &C::http_errors, Kind::kTotal, "wskit_http_errors_total", "",
     "HTTP requests answered with a status from 400 on"},
    {"unknown_parameters", &C::unknown_parameters, Kind::kTotal, "wskit_unknown_parameters_total", "",
     "Parameters without a meaning in requests for endpoint templates, which were passed over"},
    {"closed_slow", &C::closed_slow, Kind::kTotal, "wskit_connections_closed_total",
     R"(reason="slow_consumer")", "Connections closed by the server because of their peer"},
    {"closed_silent", &C::closed_silent, Kind::kTotal, "wskit_connections_closed_total", R"(reason="silent")",
     "Connections closed by the server because of their peer"},
    {"closed_violation", &C::closed_violation, Kind::kTotal, "wskit_connections_closed_total",
     R"(reason="violation")", "Connections closed by the server because of their peer"},
    {"closed_by_administrator", &C::closed_by_administrator, Kind::kTotal, "wskit_connections_closed_total",
     R"(reason="administrator")", "Connections closed by the server because of their peer"},
    {"closed_rate", &C::closed_rate, Kind::kTotal, "wskit_connections_closed_total",
     R"(reason="rate_limited")", "Connections closed by the server because of their peer"},
    {"closed_unauthorized", &C::closed_unauthorized, Kind::kTotal, "wskit_connections_closed_total",
     R"(reason="unauthorized")", "Connections closed by the server because of their peer"},
    {"unauthorized", &C::unauthorized, Kind::kTotal, "wskit_unauthorized_total", "",
     "Requests and commands refused for want of a token that is right"},
    {"forbidden", &C::forbidden, Kind::kTotal, "wskit_forbidden_total", "",
     "Requests and commands refused for want of permission"},
    {"handshake_timeouts", &C::handshake_timeouts, Kind::kTotal, "wskit_handshake_timeouts_total", "",
     "Sockets closed because no whole request came in time"},
    {"idle_timeouts", &C::idle_timeouts, Kind::kTotal, "wskit_idle_timeouts_total", "",
     "HTTP connections closed because no further request came in time"},
    {"tls_handshakes", &C::tls_handshakes, Kind::kTotal, "wskit_tls_handshakes_total", "",
     "TLS handshakes that succeeded"},
    {"tls_failures", &C::tls_failures, Kind::kTotal, "wskit_tls_failures_total", "",
     "TLS handshakes refused or given up, and TLS broken later"},
    {"held_back", &C::held_back, Kind::kTotal, "wskit_publishers_held_back_total", "",
     "Times that a publisher was not read for a while, for events came faster than they could be fanned out"},
    {"bytes_in", &C::bytes_in, Kind::kTotal, "wskit_received_bytes_total", "", "Bytes read from sockets"},
    {"bytes_out", &C::bytes_out, Kind::kTotal, "wskit_sent_bytes_total", "", "Bytes written to sockets"},
    {"merged_pongs", &C::merged_pongs, Kind::kTotal, "wskit_merged_pongs_total", "",
     "Pongs that gave way to a newer one while their peer did not read"},
});

std::string store_json(const broker::Figures& store) {
  JsonObject json;
  json.add("available", store.available);
  if (!store.available) json.add("reason", store.reason);
  json.add("failures", store.failures);
  json.add("queued_events", store.queued_events);
  json.add("queued_bytes", store.queued_bytes);
  json.add("commits", store.commits);
  json.add("stored_events", store.stored_events);
  json.add("failed_events", store.failed_events);
  json.add("read_events", store.read_events);
  json.add("damaged_events", store.damaged_events);
  json.add("file_bytes", store.file_bytes);
  json.add("log_bytes", store.log_bytes);
  json.add("log_blocked_us", store.log_blocked.count());
  json.add("last_commit_us", store.last_commit.count());
  json.add("last_commit_events", store.last_commit_events);
  return json.text();
}

}  // namespace

std::span<const CounterInfo> counter_infos() { return kCounters; }

std::uint64_t sum(std::span<const ShardCounters* const> shards, Counter ShardCounters::*member) {
  std::uint64_t total = 0;
  for (const ShardCounters* shard : shards) total += (shard->*member).get();
  return total;
}

std::string stats_json(const ServerIdentity& identity, std::span<const ShardCounters* const> shards,
                       const HubFigures& hub, const broker::Figures* store, const UserFigures& users,
                       std::uint64_t exceptions) {
  JsonObject stats;
  stats.add("unique_users", users.users);
  std::string by_user;
  for (const auto& [user, connections] : users.connections) {
    by_user += by_user.empty() ? '{' : ',';
    protocol::append_quoted(by_user, user);
    by_user += fmt::format(":{}", connections);
  }
  stats.add_json("connections_by_user", by_user.empty() ? "{}" : by_user + "}");
  stats.add("channels", hub.channels);
  stats.add("channels_forgotten", hub.channels_forgotten);
  for (const CounterInfo& info : kCounters) stats.add(info.name, sum(shards, info.member));
  stats.add("exceptions", exceptions);
  stats.add("history_bytes", hub.history_bytes);
  stats.add("history_max_bytes", hub.history_max_bytes);
  stats.add("history_evicted", hub.history_evicted);
  stats.add("dedup_bytes", hub.dedup_bytes);
  stats.add("dedup_max_bytes", hub.dedup_max_bytes);
  stats.add("dedup_evicted", hub.dedup_evicted);
  if (store != nullptr) stats.add_json("store", store_json(*store));
  const auto up = std::chrono::steady_clock::now() - identity.started;
  stats.add("uptime", std::chrono::duration_cast<std::chrono::duration<double>>(up).count());
  stats.add("shards", shards.size());
  stats.add("server", identity.server);
  stats.add("node", identity.node);
  return stats.text();
}

}  // namespace wskit::server
