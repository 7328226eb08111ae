#include "wsserve/status/stats.h"

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace wskit::server {
namespace {

TEST(CounterTest, CountsUpAndDown) {
  Counter counter;
  counter.add();
  counter.add(10);
  counter.subtract();
  counter.subtract(4);
  EXPECT_EQ(counter.get(), 6U);
}

TEST(CounterTest, RemembersWhatWasTakenBack) {
  Counter counter;
  counter.add(10);
  counter.take_back(3);
  EXPECT_EQ(counter.get(), 7U);
  EXPECT_EQ(counter.ever(), 10U);
}

// A member of ShardCounters that is not in the list is told nowhere.
TEST(StatsTest, EveryCounterIsInTheListOnce) {
  std::set<std::string> names;
  std::set<std::string> metrics;
  for (const CounterInfo& info : counter_infos()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(metrics.insert(std::string(info.metric) + info.label).second) << info.metric;
    ShardCounters counters;
    (counters.*info.member).add(1);
    const std::array<const ShardCounters*, 1> shards{&counters};
    std::uint64_t all = 0;
    for (const CounterInfo& each : counter_infos()) all += sum(shards, each.member);
    EXPECT_EQ(all, 1U) << info.name << " shares its counter with another one";
  }
  EXPECT_EQ(names.size() * sizeof(Counter), sizeof(ShardCounters));
}

TEST(StatsTest, AddsUpTheShards) {
  ShardCounters first;
  ShardCounters second;
  first.connections.add(2);
  second.connections.add(3);
  first.published.add(10);
  first.delivered.add(20);
  second.delivered.add(30);
  second.dropped.add(4);
  second.queued_bytes.add(500);
  second.queued_bytes.subtract(100);
  second.merged_pongs.add(7);
  const std::array<const ShardCounters*, 2> shards{&first, &second};
  const ServerIdentity identity{
      .server = "wskit/1", .node = "n1", .started = std::chrono::steady_clock::now()};
  const auto stats = nlohmann::json::parse(stats_json(identity, shards,
                                                      {.channels = 9,
                                                       .history_bytes = 300,
                                                       .history_max_bytes = 1000,
                                                       .history_evicted = 2,
                                                       .dedup_bytes = 40,
                                                       .dedup_max_bytes = 50,
                                                       .dedup_evicted = 3},
                                                      nullptr));
  EXPECT_EQ(stats["total_connections"], 5);
  EXPECT_EQ(stats["published"], 10);
  EXPECT_EQ(stats["delivered"], 50);
  EXPECT_EQ(stats["dropped"], 4);
  EXPECT_EQ(stats["queued_bytes"], 400);
  EXPECT_EQ(stats["merged_pongs"], 7);
  EXPECT_EQ(stats["channels"], 9);
  EXPECT_EQ(stats["history_bytes"], 300);
  EXPECT_EQ(stats["history_max_bytes"], 1000);
  EXPECT_EQ(stats["history_evicted"], 2);
  EXPECT_EQ(stats["dedup_bytes"], 40);
  EXPECT_EQ(stats["dedup_max_bytes"], 50);
  EXPECT_EQ(stats["dedup_evicted"], 3);
  EXPECT_EQ(stats["shards"], 2);
  EXPECT_EQ(stats["server"], "wskit/1");
  EXPECT_EQ(stats["node"], "n1");
  EXPECT_GE(stats["uptime"].get<double>(), 0);
  EXPECT_EQ(stats["unique_users"], 0);
  EXPECT_TRUE(stats["connections_by_user"].empty());
  EXPECT_FALSE(stats.contains("store"));
}

TEST(StatsTest, TellsWhyTheStoreIsAway) {
  broker::Figures store;
  store.available = false;
  store.reason = "disk full";
  store.stored_events = 12;
  const auto stats = nlohmann::json::parse(stats_json({}, {}, {}, &store))["store"];
  EXPECT_EQ(stats["available"], false);
  EXPECT_EQ(stats["reason"], "disk full");
  EXPECT_EQ(stats["stored_events"], 12);
}

}  // namespace
}  // namespace wskit::server
