// A store whose disk is full, whose process is killed, whose file is damaged.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <future>
#include <iterator>

#include "store_fixture.h"
#include "wsserve/store/database.h"

namespace wskit::server::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class StoreFailureTest : public StoreFixture {
 protected:
  ~StoreFailureTest() override { make_room(); }

  // No file of this process can grow past `bytes`: what a full disk does, but that
  // the system's words are "File too large".
  void fill_disk(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  void make_room() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_FSIZE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
};

TEST_F(StoreFailureTest, WhatIsAppendedTogetherIsStoredOrTakenBackTogether) {
  open();
  const auto together = [&](std::uint64_t offset) {
    std::vector<Record> records;
    for (const char* name : {"a", "b", "c"}) records.push_back(record(name, offset));
    return store_->append_together(std::move(records));
  };
  const auto first = together(1);
  ASSERT_EQ(first, std::optional<Ticket>(3));
  await([&] { return store_->settled() >= *first; });
  EXPECT_EQ(listener("a").newest() + listener("b").newest() + listener("c").newest(), 3U);
  EXPECT_EQ(store_->status().commits, 1U);
  fill_disk(4'096);
  const auto lost = together(2);
  ASSERT_TRUE(lost);
  await([&] { return store_->settled() >= *lost; });
  for (Ticket ticket = *lost - 2; ticket <= *lost; ++ticket) EXPECT_TRUE(store_->failed(ticket));
  EXPECT_EQ(together(2), std::nullopt);
}

TEST_F(StoreFailureTest, OneTransactionHoldsWhatBelongsTogetherHoweverMuchWaits) {
  open();
  // More than a transaction takes otherwise, and each begins where another one ends.
  std::vector<Record> many;
  constexpr std::uint64_t kMany = 40'000;
  std::vector<std::string> names;
  for (std::uint64_t i = 0; i < kMany; ++i) names.push_back("c" + std::to_string(i));
  for (const std::string& name : names) many.push_back(record(name, 1));
  const auto ticket = store_->append_together(std::move(many));
  ASSERT_TRUE(ticket);
  await([&] { return store_->settled() >= *ticket; });
  EXPECT_EQ(store_->status().commits, 1U);
  EXPECT_EQ(store_->status().stored_events, kMany);
}

TEST_F(StoreFailureTest, TakesBackWhatDoesNotFitAndGoesOnWhenThereIsRoom) {
  open();
  publish_many("a", 3);
  settle();
  fill_disk(4'096);
  const auto lost = publish("a");
  ASSERT_TRUE(lost);
  await([&] { return !store_->available(); });
  settle();
  EXPECT_TRUE(store_->failed(*lost));
  EXPECT_FALSE(store_->failed(*lost - 1));
  EXPECT_EQ(listener("a").newest(), 3U);
  EXPECT_EQ(listener("a").times_rolled_back(), 1U);
  EXPECT_FALSE(publish("b"));  // refused at once

  const Status full = store_->status();
  EXPECT_FALSE(full.available);
  EXPECT_THAT(full.reason, HasSubstr("File too large"));
  EXPECT_EQ(full.failures, 1U);
  EXPECT_EQ(full.failed_events, 1U);
  EXPECT_EQ(full.queued_events, 0U);
  EXPECT_EQ(offsets("a", 0), "1 2 3");  // reading goes on

  make_room();
  await([&] { return store_->available(); });
  EXPECT_EQ(store_->status().reason, "");
  forget_unsettled("a");
  const auto stored = publish("a", "2");
  settle();
  EXPECT_FALSE(store_->failed(*stored));
  EXPECT_TRUE(store_->failed(*lost));
  EXPECT_EQ(offsets("a", 0), "1 2 3 4");
  EXPECT_THAT(sql("SELECT data FROM event_log WHERE offset = 4"), ElementsAre("2"));
  close();
  EXPECT_THAT(availability_, ElementsAre(HasSubstr("File too large"), "available"));
}

TEST_F(StoreFailureTest, TakesBackWhatQueuedBehindTheFailureOfEveryChannelOnce) {
  open();
  publish("a");
  settle();
  std::promise<void> held;
  std::promise<void> go_on;
  listener("a").on_commit = [&] {
    listener("a").on_commit = nullptr;
    held.set_value();
    EXPECT_EQ(go_on.get_future().wait_for(kDeadline), std::future_status::ready);
  };
  publish("a");
  ASSERT_EQ(held.get_future().wait_for(kDeadline), std::future_status::ready);
  fill_disk(4'096);
  std::vector<Ticket> lost;
  // Several transactions' worth.
  for (int i = 0; i < 20'000; ++i) lost.push_back(*publish(i % 2 == 0 ? "a" : "b"));
  go_on.set_value();
  settle();
  EXPECT_EQ(listener("a").told(), "1 2 back");
  EXPECT_EQ(listener("b").told(), "back");
  for (const Ticket ticket : {lost.front(), lost[10'000], lost.back()}) EXPECT_TRUE(store_->failed(ticket));
  EXPECT_FALSE(store_->failed(lost.front() - 1));
  make_room();
  await([&] { return store_->available(); });
  forget_unsettled("a");
  forget_unsettled("b");
  publish("b");
  publish("a");
  settle();
  EXPECT_EQ(offsets("a", 0), "1 2 3");
  EXPECT_EQ(offsets("b", 0), "1");
  reopen();
  EXPECT_EQ(channel("a").newest_at_open(), 3U);
  EXPECT_EQ(channel("b").newest_at_open(), 1U);
}

TEST_F(StoreFailureTest, IsFailingAsLongAsThereIsOnlyALittleRoom) {
  open();
  publish("a");
  settle();
  fill_disk(std::filesystem::file_size(path_ + "-wal") + 20'000);
  // More than there is room for, though a single row would fit.
  const std::string data = '"' + std::string(100'000, 'x') + '"';
  publish("a", data);
  await([&] { return !store_->available(); });
  poll([&] { return store_->status().trials >= 2; });
  EXPECT_FALSE(store_->available());
  EXPECT_EQ(store_->status().failures, 1U);
}

TEST_F(StoreFailureTest, StopsWithAFullDisk) {
  open();
  publish("a");
  settle();
  fill_disk(4'096);
  publish("a");
  close();
  make_room();
  open();
  EXPECT_EQ(channel("a").newest_at_open(), 1U);
}

TEST_F(StoreFailureTest, WaitsForAnotherProgramThatWrites) {
  open();
  publish("a");
  settle();
  Database other(path_, Access::kReadWrite);
  other.exec("BEGIN IMMEDIATE");
  const auto ticket = publish("a");
  EXPECT_LT(store_->settled(), *ticket);
  other.exec("COMMIT");
  settle();
  EXPECT_FALSE(store_->failed(*ticket));
}

TEST_F(StoreFailureTest, LosesNothingThatItToldOfWhenItIsKilled) {
  for (int round = 0; round < 5; ++round) {
    int pipes[2];
    ASSERT_EQ(::pipe(pipes), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipes[0]);
      open();
      listener("a").on_commit = [&] {
        const std::uint64_t newest = listener("a").newest();
        [[maybe_unused]] const ssize_t written = ::write(pipes[1], &newest, sizeof newest);
      };
      while (true) {
        if (!store_->crowded()) publish("a", "1", "id");
      }
    }
    ::close(pipes[1]);
    std::uint64_t told = 0;
    const int commits = 3 + 7 * round;
    for (int i = 0; i < commits; ++i) ASSERT_EQ(::read(pipes[0], &told, sizeof told), ssize_t{sizeof told});
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    while (::read(pipes[0], &told, sizeof told) == ssize_t{sizeof told}) {
    }
    ::close(pipes[0]);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    open();
    const std::uint64_t newest = channel("a").newest_at_open();
    EXPECT_GE(newest, told);
    EXPECT_EQ(channel("a").epoch(), "E1");
    EXPECT_EQ(read("a", 0).frames.size(), newest);
    close();
  }
}

// --- Damage --------------------------------------------------------------

class DamagedStoreTest : public StoreFixture {
 protected:
  // Five events; the third is then changed from outside.
  void damage(const std::string& statement) {
    open();
    publish_many("a", 5);
    close();
    sql(statement);
    open();
  }
  static std::string contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_F(DamagedStoreTest, SaysWhichEventIsMissing) {
  damage("DELETE FROM events WHERE id & 255 = 3");
  EXPECT_EQ(offsets("a", 0), "1 2") << "what comes before it is good";
  EXPECT_EQ(offsets("a", 2), "lost to 3: 4 5");
  EXPECT_EQ(offsets("a", 3), "4 5");
  EXPECT_EQ(store_->status().damaged_events, 1U);
  EXPECT_THAT(
      remarks_,
      ElementsAre("event 3 of a is missing or damaged in the store: who reads there is told of a gap"));
}

// R6
TEST_F(DamagedStoreTest, TheNewestEventsMayBeLost) {
  damage("UPDATE events SET data = '{' WHERE id & 255 > 3");
  EXPECT_EQ(offsets("a", 3), "lost to 5:");
  EXPECT_EQ(store_->status().damaged_events, 2U);
  publish("a");
  settle();
  EXPECT_EQ(offsets("a", 3), "lost to 5: 6") << "and the channel goes on";
}

// R6
TEST_F(DamagedStoreTest, AMendedEventIsServedAgain) {
  damage("UPDATE events SET data = '{' WHERE id & 255 = 3");
  EXPECT_EQ(offsets("a", 2), "lost to 3: 4 5");
  sql("UPDATE events SET data = '7' WHERE id & 255 = 3");
  EXPECT_EQ(offsets("a", 2), "3 4 5");
  EXPECT_EQ(store_->status().damaged_events, 0U);
}

// R6
TEST_F(DamagedStoreTest, WhatNobodyKeepsAnyMoreIsNotDamaged) {
  damage("UPDATE events SET data = '{' WHERE id & 255 = 2");
  EXPECT_EQ(offsets("a", 1), "lost to 2: 3 4 5");
  retention_.history.max_events = 2;
  publish("a");
  settle();
  EXPECT_EQ(store_->status().damaged_events, 0U);
}

TEST_F(DamagedStoreTest, NeverHandsOutWhatIsNoEvent) {
  for (const char* change :
       {"data = '{'", "data = ''", "data = '1,\"x\":2'", "type = 'a b'", "type = ''",
        "type = 't\",\"x\":\"y'", "timestamp = 'yesterday'", "key = 'bare'", "key = '\"a'"}) {
    damage(std::string("UPDATE events SET ") + change + " WHERE id & 255 = 3");
    EXPECT_EQ(offsets("a", 2), "lost to 3: 4 5") << change;
    EXPECT_EQ(offsets("a", 3), "4 5") << change;
    close();
    std::filesystem::remove(path_);
  }
}

TEST_F(DamagedStoreTest, TakesAnEventThatAnAuditorHasBlackedOut) {
  damage("UPDATE events SET data = '\"redacted\"' WHERE id & 255 = 3");
  EXPECT_EQ(offsets("a", 0), "1 2 3 4 5");
}

// R11
TEST_F(DamagedStoreTest, AChangedByteInTheFileIsFound) {
  for (const std::string& part :
       {std::string(R"("some text")"), std::string("2026-11-20T10:00:00.123456Z"), std::string("engine-7")}) {
    open();
    publish("a", "1");
    publish("a", R"("some text")", "engine-7");
    publish("a", "3");
    close();
    std::string bytes = contents(path_);
    // Of several events the last one in the file's order is the second or another; all are found.
    const std::size_t place = bytes.find(part);
    ASSERT_NE(place, std::string::npos) << part;
    bytes[place + part.size() - 2] ^= 1;
    std::ofstream(path_, std::ios::binary) << bytes;
    open();
    std::uint64_t good = 0;
    for (std::uint64_t after = 0; after < 3; ++after) {
      const Part read_back = read("a", after, after + 1);
      good += read_back.frames.size();
      EXPECT_EQ(read_back.frames.size() + (read_back.lost_up_to == after + 1 ? 1 : 0), 1U);
    }
    EXPECT_EQ(good, 2U) << part;
    close();
    std::filesystem::remove(path_);
  }
}

// R11
TEST_F(DamagedStoreTest, RowsOfAnOlderFileHaveNoSumAndAreServed) {
  open();
  publish_many("a", 3);
  close();
  sql("DROP TRIGGER events_changed");
  sql("DROP VIEW event_log");
  for (const char* column : {"checksum", "producer", "sequence"}) {
    sql(fmt::format("ALTER TABLE events DROP COLUMN {}", column));
  }
  sql("PRAGMA user_version = 1");
  open();
  EXPECT_EQ(offsets("a", 0), "1 2 3");
  publish("a");
  settle();
  EXPECT_EQ(offsets("a", 0), "1 2 3 4");
  EXPECT_THAT(sql("SELECT count(*) FROM events WHERE checksum IS NULL"), ElementsAre("3"));
  EXPECT_THAT(sql("PRAGMA user_version"), ElementsAre("3"));
}

// R6
TEST_F(DamagedStoreTest, PassesOverPagesThatCannotBeRead) {
  open();
  publish_many("a", 5'000, R"({"a":"some text to fill pages with"})");
  publish_many("b", 3);
  close();
  const auto bytes = std::filesystem::file_size(path_);
  {
    Database database(path_, Access::kReadWrite);  // nothing of it stays in a cache
  }
  std::FILE* file = std::fopen(path_.c_str(), "r+");
  ASSERT_NE(file, nullptr);
  const std::string junk(4'096, '\x5a');
  ASSERT_EQ(std::fseek(file, static_cast<long>(bytes / 2 / 4'096 * 4'096), SEEK_SET), 0);
  ASSERT_EQ(std::fwrite(junk.data(), 1, junk.size(), file), junk.size());
  std::fclose(file);
  open();
  std::uint64_t after = 0;
  std::uint64_t lost = 0;
  std::uint64_t served = 0;
  while (after < 5'000) {
    const Part part = read("a", after, UINT64_MAX, 10'000);
    ASSERT_EQ(part.error, "");
    if (part.lost_up_to != 0) {
      ASSERT_GT(part.lost_up_to, after);
      lost += part.lost_up_to - after;
      after = part.lost_up_to;
    }
    ASSERT_TRUE(part.lost_up_to != 0 || !part.frames.empty());
    served += part.frames.size();
    after += part.frames.size();
  }
  EXPECT_EQ(served + lost, 5'000U);
  EXPECT_GT(lost, 0U);
  EXPECT_LT(lost, 200U) << "a page of events, not the rest of the channel";
  EXPECT_EQ(store_->status().damaged_events, lost);
  EXPECT_EQ(offsets("b", 0), "1 2 3");
  EXPECT_FALSE(locate("a", now_.load()).whole && lost == 0);
}

}  // namespace
}  // namespace wskit::server::store
