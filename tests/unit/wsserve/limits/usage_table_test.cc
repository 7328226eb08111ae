#include "wsserve/limits/usage_table.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace wskit::server {
namespace {

using std::chrono::seconds;

constexpr Rate kSlow{.per_second = 0.01};

TEST(UsageTableTest, KnowsAHolderByItsKey) {
  UsageTable table;
  const auto now = Clock::now();
  const UsagePtr first = table.find("a", now);
  EXPECT_EQ(table.find("a", now), first);
  EXPECT_NE(table.find("b", now), first);
}

TEST(UsageTableTest, ForgetsWhomNobodyHolds) {
  UsageTable table;
  const auto now = Clock::now();
  UsagePtr held = table.find("a", now);
  (void)table.find("b", now);
  table.sweep(now);
  EXPECT_EQ(table.size(), 1U);
  held.reset();
  table.sweep(now);
  EXPECT_EQ(table.size(), 0U);
}

TEST(UsageTableTest, RemembersAnEmptyBucketUntilItIsFull) {
  UsageTable table;
  const auto now = Clock::now();
  (void)table.find("a", now)->commands.take(kSlow, now);
  table.sweep(now + seconds{99});
  EXPECT_GT(table.find("a", now)->commands.wait(kSlow, now), seconds{90});
  table.sweep(now + seconds{101});
  EXPECT_EQ(table.size(), 0U);
}

TEST(UsageTableTest, StaysSmallUnderAFloodOfAddresses) {
  UsageTable table;
  const auto now = Clock::now();
  const UsagePtr held = table.find("held", now);
  for (int i = 0; i < 500'000; ++i) {
    (void)table.find("flood" + std::to_string(i), now)->new_connections.take(kSlow, now);
  }
  EXPECT_LE(table.size(), 2 * UsageTable::kMaxIdle);
  EXPECT_EQ(table.find("held", now), held);
}

TEST(PlaceTest, IsGivenBackAtItsEnd) {
  UsageTable table;
  const UsagePtr usage = table.find("a", Clock::now());
  auto first = Place::take(usage, Place::Kind::kConnection, 2);
  const auto second = Place::take(usage, Place::Kind::kConnection, 2);
  EXPECT_NE(first, nullptr);
  EXPECT_NE(second, nullptr);
  EXPECT_EQ(Place::take(usage, Place::Kind::kConnection, 2), nullptr);
  EXPECT_NE(Place::take(usage, Place::Kind::kTurnedAway, 2), nullptr) << "they are counted apart";
  first.reset();
  EXPECT_NE(Place::take(usage, Place::Kind::kConnection, 2), nullptr);
  EXPECT_EQ(usage->connections, 1U);
}

TEST(PlaceTest, IsAlwaysThereWithoutALimit) {
  UsageTable table;
  const UsagePtr usage = table.find("a", Clock::now());
  std::vector<PlacePtr> places;
  for (int i = 0; i < 100; ++i) places.push_back(Place::take(usage, Place::Kind::kConnection, 0));
  EXPECT_EQ(usage->connections, 100U);
  EXPECT_EQ(std::count(places.begin(), places.end(), nullptr), 0);
}

TEST(UsageTableTest, ServesManyThreads) {
  UsageTable table;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&table] {
        for (int i = 0; i < 20'000; ++i) {
          const auto now = Clock::now();
          const auto place =
              Place::take(table.find(std::to_string(i % 50), now), Place::Kind::kConnection, 0);
          if (i % 1000 == 0) table.sweep(now);
        }
      });
    }
  }
  for (int i = 0; i < 50; ++i) EXPECT_EQ(table.find(std::to_string(i), Clock::now())->connections, 0U);
  table.sweep(Clock::now());
  EXPECT_EQ(table.size(), 0U);
}

}  // namespace
}  // namespace wskit::server
