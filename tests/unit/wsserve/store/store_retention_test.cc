// What the store keeps: history limits, dedup ids, and the rows behind them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store_fixture.h"
#include "wsserve/store/held_ids.h"

namespace wskit::server::store {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class StoreRetentionTest : public StoreFixture {
 protected:
  // Rows of the channel in the file.
  std::uint64_t rows(const std::string& name) {
    return std::stoull(sql("SELECT count(*) FROM event_log WHERE channel = '" + name + "'").front());
  }
  // The writer deletes when nothing else is to be done.
  void await_rows(const std::string& name, std::uint64_t count) {
    poll([&] { return rows(name) == count; });
  }
  void await_oldest(const std::string& name, std::uint64_t oldest) {
    poll([&] { return channel(name).oldest() == oldest; });
  }
};

TEST_F(StoreRetentionTest, KeepsTheNewestEventsByNumber) {
  retention_.history.max_events = 10;
  open();
  publish_many("a", 25);
  settle();
  EXPECT_EQ(channel("a").oldest(), 16U);
  EXPECT_EQ(offsets("a", 15), "16 17 18 19 20 21 22 23 24 25");
  EXPECT_EQ(offsets("a", 14), "gap");
  await_rows("a", 10);
  reopen();
  EXPECT_EQ(channel("a").oldest(), 16U);
  EXPECT_EQ(channel("a").newest_at_open(), 25U);
}

TEST_F(StoreRetentionTest, KeepsTheNewestEventsByBytes) {
  open();
  publish_many("a", 9);  // so that all that follow are of one size
  const std::size_t cost = record("a", 10).frame->size() + History::kOverheadBytes;
  retention_.history.max_bytes = 10 * cost + cost / 2;
  channel("a").set_retention(retention_);
  publish_many("a", 40);
  settle();
  EXPECT_EQ(channel("a").oldest(), 40U);
  publish("a");
  settle();
  EXPECT_EQ(channel("a").oldest(), 41U);
  reopen();
  EXPECT_EQ(channel("a").oldest(), 41U);
  EXPECT_EQ(offsets("a", 40), "41 42 43 44 45 46 47 48 49 50");
}

TEST_F(StoreRetentionTest, KeepsTheNewestEventsByAge) {
  retention_.history.max_age = 10min;
  open();
  for (int i = 0; i < 20; ++i) {
    publish("a");
    settle();
    now_ = now_.load() + 1min;
  }
  publish("a");
  settle();
  EXPECT_EQ(channel("a").oldest(), 11U);
  now_ = now_.load() + 5min;
  await_oldest("a", 16);  // though nothing is published
  EXPECT_EQ(offsets("a", 15), "16 17 18 19 20 21");
}

TEST_F(StoreRetentionTest, GoesOnWithOffsetsWhenNothingIsLeft) {
  retention_.history.max_age = 1min;
  open();
  publish_many("a", 5);
  settle();
  now_ = now_.load() + 1h;
  await_oldest("a", 6);
  await_rows("a", 0);
  EXPECT_EQ(offsets("a", 5), "");
  EXPECT_EQ(offsets("a", 4), "gap");
  reopen();
  EXPECT_EQ(channel("a").newest_at_open(), 5U);
  EXPECT_EQ(channel("a").oldest(), 6U);
  EXPECT_EQ(channel("a").epoch(), "E1");
  publish("a");
  settle();
  EXPECT_EQ(offsets("a", 5), "6");
}

TEST_F(StoreRetentionTest, KeepsNothingWhereTheLimitIsZero) {
  retention_.history.max_events = 0;
  open();
  publish_many("a", 3);
  settle();
  EXPECT_EQ(channel("a").oldest(), 4U);
  await_rows("a", 0);
  reopen();
  EXPECT_EQ(channel("a").newest_at_open(), 3U);
}

TEST_F(StoreRetentionTest, AppliesNewLimitsToQuietChannels) {
  open();
  publish_many("a", 1'000);
  settle();
  EXPECT_EQ(channel("a").oldest(), 1U);
  retention_.history.max_events = 7;
  channel("a").set_retention(retention_);
  await_oldest("a", 994);
  await_rows("a", 7);
}

TEST_F(StoreRetentionTest, AppliesTheLimitsToChannelsThatNobodyAsksFor) {
  open();
  publish_many("a", 100);
  close();
  retention_.history.max_events = 5;
  open();
  ASSERT_EQ(store_->channels().size(), 1U);
  EXPECT_EQ(store_->channels().front()->oldest(), 96U);
}

TEST_F(StoreRetentionTest, SaysWhetherAllSinceATimeIsThere) {
  retention_.history.max_events = 5;
  open();
  const auto start = now_.load();
  for (int i = 0; i < 10; ++i) {
    publish("a");
    settle();
    now_ = now_.load() + 1s;
  }
  // Event n was received at start + n - 1; 6 is the oldest.
  EXPECT_EQ(locate("a", start + 7s).after, 7U);
  EXPECT_TRUE(locate("a", start + 7s).whole);
  EXPECT_TRUE(locate("a", start + 5s).whole);
  EXPECT_EQ(locate("a", start + 4s).after, 5U);
  EXPECT_FALSE(locate("a", start + 4s).whole);
  await_rows("a", 5);
  EXPECT_TRUE(locate("a", start + 5s).whole);
  EXPECT_FALSE(locate("a", start + 4s).whole);
  reopen();
  EXPECT_TRUE(locate("a", start + 5s).whole);
  EXPECT_FALSE(locate("a", start + 4s).whole);
}

TEST_F(StoreRetentionTest, HoldsTheRowsOfRememberedIdsThoughNobodyMayReadThem) {
  retention_.history.max_events = 2;
  retention_.dedup = {.max_ids = 1'000, .max_age = 10min};
  open();
  for (int i = 0; i < 600; ++i) publish("a", "1", "id" + std::to_string(i));
  settle();
  EXPECT_EQ(channel("a").oldest(), 599U);
  EXPECT_EQ(offsets("a", 597), "gap");
  EXPECT_EQ(rows("a"), 600U);
  reopen();
  EXPECT_EQ(store_->take_recent_ids(channel("a")).size(), 600U);
  EXPECT_EQ(channel("a").oldest(), 599U);
  now_ = now_.load() + 11min;
  await_rows("a", 2);
}

TEST_F(StoreRetentionTest, DeletesRowsWhileEventsKeepComing) {
  retention_.history.max_events = 100;
  open();
  for (int i = 0; i < 50; ++i) {
    publish_many("a", 1'000);
    settle();
  }
  EXPECT_EQ(channel("a").oldest(), 49'901U);
  EXPECT_LT(rows("a"), 3'000U);
  await_rows("a", 100);
}

TEST_F(StoreRetentionTest, UsesTheRoomOfDeletedRowsAgain) {
  retention_.history.max_events = 1'000;
  open();
  const std::string data = '"' + std::string(500, 'x') + '"';
  std::uintmax_t early = 0;
  for (int i = 0; i < 60; ++i) {
    publish_many("a", 1'000, data);
    settle();
    if (i == 30) {
      sql("PRAGMA wal_checkpoint(TRUNCATE)");
      early = std::filesystem::file_size(path_);
    }
  }
  sql("PRAGMA wal_checkpoint(TRUNCATE)");
  EXPECT_LT(std::filesystem::file_size(path_), early * 3 / 2);
}

// --- Which rows ids hold -------------------------------------------------

// R7
TEST_F(StoreRetentionTest, AClockThatIsWrongForAWhileDeletesNothing) {
  retention_.history.max_age = 48h;
  retention_.dedup = {.max_ids = 100, .max_age = 10min};
  open();
  publish("a", "1", "id");
  settle();
  set_clock(49h);
  publish("a", "2");
  publish("b", "1");
  settle();
  now_ = now_.load() + 5s;
  publish("a", "3");
  settle();
  EXPECT_EQ(channel("a").oldest(), 1U);
  set_clock(-49h);
  publish("a", "4");
  settle();
  EXPECT_EQ(channel("a").oldest(), 1U);
  EXPECT_EQ(offsets("a", 0), "1 2 3 4");
  EXPECT_EQ(rows("a"), 4U);
}

// R7
TEST_F(StoreRetentionTest, AClockThatWasSetRightAgesEventsAsTheyAre) {
  retention_.history.max_age = 10h;
  open();
  publish("a");
  settle();
  set_clock(1'000h);  // it had been wrong
  now_ = now_.load() + 6h;
  publish("a");
  settle();
  EXPECT_EQ(channel("a").oldest(), 1U);
  now_ = now_.load() + 5h;
  publish("b");
  await_oldest("a", 2);
  now_ = now_.load() + 6h;
  publish("b");
  await_oldest("a", 3);
}

TEST(HeldIdsTest, HoldsAtLeastTheNewestIdsAndNotManyMore) {
  HeldIds held;
  const DedupLimits limits{.max_ids = 160, .max_age = 1h};
  const protocol::SystemMicros now{24h};
  EXPECT_EQ(held.oldest(now, limits), std::nullopt);
  for (std::uint64_t offset = 2; offset <= 20'000; offset += 2) {
    held.add(offset, now, {}, limits, now);
    const std::uint64_t oldest = held.oldest(now, limits).value();
    if (offset >= 320) {
      EXPECT_LE(oldest, offset - 318);
      EXPECT_GE(oldest + 318 + 50, offset);
    } else {
      EXPECT_EQ(oldest, 2U);
    }
  }
}

TEST(HeldIdsTest, LetsGoOfIdsThatAreTooOld) {
  HeldIds held;
  const DedupLimits limits{.max_ids = 1'000, .max_age = 16min};
  protocol::SystemMicros now{24h};
  for (std::uint64_t offset = 1; offset <= 100; ++offset) {
    held.add(offset, now, {}, limits, now);
    now += 1min;
  }
  const std::uint64_t oldest = held.oldest(now, limits).value();
  EXPECT_LE(oldest, 85U);
  EXPECT_GE(oldest, 82U);
  EXPECT_EQ(held.oldest(now + 1h, limits), std::nullopt);
}

TEST(HeldIdsTest, HoldsTheNewestSequencesOfEachProducer) {
  HeldIds held;
  const DedupLimits limits{.max_ids = 160, .max_age = 1h, .max_producers = 2};
  const protocol::SystemMicros now{24h};
  held.add(1, now, "quiet", limits, now);
  for (std::uint64_t offset = 2; offset <= 2'000; ++offset) held.add(offset, now, "busy", limits, now);
  EXPECT_EQ(held.oldest(now, limits), 1U);
  held.add(2'001, now, "third", limits, now);
  EXPECT_GE(held.oldest(now, limits).value(), 1'800U) << "no more producers than the channel remembers";
}

}  // namespace
}  // namespace wskit::server::store
