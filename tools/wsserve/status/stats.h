// What the server counts, and how it is told.
//
// Each shard writes its own counters; any thread reads them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "wsserve/broker/figures.h"

namespace wskit::server {

// Written by one thread, read by any: a plain increment, not a locked one.
class Counter {
 public:
  void add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
  }
  // What was counted did not come about after all.
  void take_back(std::uint64_t n) {
    taken_back_.store(taken_back_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t get() const { return ever() - taken_back_.load(std::memory_order_relaxed); }
  // Before anything was taken back: this never falls, as long as nothing is subtracted.
  [[nodiscard]] std::uint64_t ever() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
  std::atomic<std::uint64_t> taken_back_{0};
};

struct ShardCounters {
  // Now.
  Counter connections;    // WebSockets and event streams
  Counter event_streams;  // of them
  Counter subscriptions;
  Counter queued_bytes;
  Counter replay_bytes;  // read ahead for replays, and not handed over yet
  // Since the start.
  Counter accepted;
  Counter refused;  // closed with 1013 or for want of descriptors
  Counter http_requests;
  Counter http_errors;
  Counter unknown_parameters;  // of requests for endpoint templates, passed over
  Counter commands;
  Counter command_errors;
  Counter published;
  Counter duplicates;  // not published again: their dedup id or sequence was known
  Counter routed;      // copies that routes made
  Counter route_no_value;
  Counter route_bad_channel;
  Counter route_server_full;
  Counter route_not_stored;
  Counter unavailable;  // not accepted: the store could not keep them
  Counter delivered;
  Counter merged;
  Counter filtered;
  Counter dropped;  // waited for a slow consumer when it was closed
  Counter merged_pongs;
  Counter closed_slow;          // 4008
  Counter closed_silent;        // 4009
  Counter closed_violation;     // 1002, 1003, 1007, 1009
  Counter closed_unauthorized;  // 4001
  Counter unauthorized;         // requests and commands refused for want of a right token
  Counter forbidden;            // those refused for want of permission
  Counter handshake_timeouts;
  Counter tls_handshakes;   // that succeeded
  Counter tls_failures;     // handshakes refused or given up, TLS broken later, TLS where none is spoken, and
                            // the reverse
  Counter refused_address;  // connections, told so: too many from their address
  Counter refused_user;     // the same: too many of their user
  Counter refused_rate;     // the same: too many new ones in too short a time
  Counter refused_subscriptions;    // by --max-channels or --max-subscriptions
  Counter refused_channels_server;  // not made: as many as --max-server-channels
  Counter refused_channels_client;  // not made: --max-server-channels-per-client
  Counter dropped_connections;      // closed when they came, without a word
  Counter bad_proxy_headers;        // their connections were closed
  Counter rate_limited_commands;
  Counter rate_limited_events;  // that these commands would have published
  Counter rate_limited_requests;
  Counter refused_origin;           // requests of pages that are not allowed
  Counter closed_rate;              // 4029
  Counter idle_timeouts;            // connections that waited too long for another request
  Counter too_large;                // messages and bodies
  Counter held_back;                // times that a publisher was not read for a while
  Counter closed_by_administrator;  // 4100
  Counter bytes_in;
  Counter bytes_out;
};

struct ServerIdentity {
  std::string server;  // "wskit/0.1.0"
  std::string node;    // random, another one each run
  std::chrono::steady_clock::time_point started;
};

// What the channels hold.
struct HubFigures {
  std::size_t channels = 0;
  std::uint64_t channels_forgotten = 0;  // empty and unused for --channel-ttl
  std::size_t history_bytes = 0;
  std::size_t history_max_bytes = 0;
  std::uint64_t history_evicted = 0;  // events given up for want of memory in total
  std::size_t dedup_bytes = 0;
  std::size_t dedup_max_bytes = 0;
  std::uint64_t dedup_evicted = 0;  // ids and sequences forgotten for the same reason, or with their producer
};

// How one counter is told, the same number everywhere. A new counter is a member of
// ShardCounters and a line of the list; docs/operations.md says what to make of it.
struct CounterInfo {
  enum class Kind : std::uint8_t { kNow, kTotal };  // may go down; only up since the start

  const char* name;  // in /ws/stats
  Counter ShardCounters::*member;
  Kind kind;
  const char* metric;  // in /metrics; lines of one metric stand together
  const char* label;   // what tells them apart: `reason="slow_consumer"`; or ""
  const char* help;
};
[[nodiscard]] std::span<const CounterInfo> counter_infos();

// Of one counter, over all shards.
[[nodiscard]] std::uint64_t sum(std::span<const ShardCounters* const> shards, Counter ShardCounters::*member);

// Of those who are connected.
struct UserFigures {
  std::size_t users = 0;
  std::map<std::string, std::size_t, std::less<>> connections;  // of those who may be named
};

// The object that /ws/stats and the `stats` command answer with.
// `store`: null if there is none. `exceptions`: that were caught at a boundary.
[[nodiscard]] std::string stats_json(const ServerIdentity& identity,
                                     std::span<const ShardCounters* const> shards, const HubFigures& hub,
                                     const broker::Figures* store, const UserFigures& users = {},
                                     std::uint64_t exceptions = 0);

}  // namespace wskit::server
