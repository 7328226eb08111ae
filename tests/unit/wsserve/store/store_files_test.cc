// What becomes of a store whose files are taken away, replaced, cut off or opened twice,
// and of a log that is lost or bad.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "store_fixture.h"
#include "wsserve/store/database.h"
#include "wsserve/store/log_file.h"

namespace wskit::server::store {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void overwrite(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// --- R4: files that go away ------------------------------------------------

class TakenStoreTest : public StoreFixture {
 protected:
  // Nothing that comes after it is acknowledged, and it is said why.
  void expect_refused(const std::string& why) {
    const auto ticket = publish("a");
    if (ticket) {
      await([&] { return store_->settled() >= *ticket; });
      EXPECT_TRUE(store_->failed(*ticket)) << "acknowledged, and lost";
    }
    await([&] { return !store_->available(); });
    EXPECT_THAT(store_->status().reason, HasSubstr(why));
    EXPECT_EQ(publish("a"), std::nullopt);
    EXPECT_EQ(listener("a").newest(), 3U);
  }
  void begin() {
    open();
    publish_many("a", 3);
    settle();
  }
};

// R4
TEST_F(TakenStoreTest, ARemovedFileTakesNoEvents) {
  begin();
  fs::remove(path_);
  expect_refused("events.db was removed while it was open");
  close();
  EXPECT_FALSE(fs::exists(path_)) << "nor is it made anew";
}

// R4
TEST_F(TakenStoreTest, ARemovedLogTakesNoEvents) {
  begin();
  fs::remove(path_ + "-wal");
  expect_refused("events.db-wal was removed while it was open");
}

// R4
TEST_F(TakenStoreTest, AnotherFileInItsPlaceIsLeftAlone) {
  begin();
  fs::rename(path_, folder_ / "moved.db");
  overwrite(path_, "another file");
  expect_refused("another file lies in the place of");
  close();
  EXPECT_EQ(contents(path_), "another file");
}

// R4
TEST_F(TakenStoreTest, AFileThatWasCutOffTakesNoEvents) {
  begin();
  fs::resize_file(path_, 0);
  expect_refused("events.db was cut off at 0 bytes while it was open");
}

// R4
TEST_F(TakenStoreTest, ALogThatWasCutOffTakesNoEvents) {
  begin();
  fs::resize_file(path_ + "-wal", 0);
  expect_refused("");
}

// R4
TEST_F(TakenStoreTest, ItIsNoticedWithoutAnyEvent) {
  begin();
  fs::remove(path_);
  await([&] { return !store_->available(); });
  close();
  EXPECT_THAT(availability_, ElementsAre(HasSubstr("was removed")));
}

// R4
TEST_F(TakenStoreTest, AFileThatWasPutBackIsWrittenAgain) {
  begin();
  fs::rename(path_, folder_ / "moved.db");
  await([&] { return !store_->available(); });
  fs::rename(folder_ / "moved.db", path_);
  await([&] { return store_->available(); });
  forget_unsettled("a");
  publish("a");
  settle();
  EXPECT_EQ(offsets("a", 0), "1 2 3 4");
}

// R4
TEST_F(TakenStoreTest, AnotherProgramMayEmptyTheLogAndMakeTheFileShorter) {
  open();
  publish_many("a", 2'000, '"' + std::string(500, 'x') + '"');
  settle();
  sql("DELETE FROM events WHERE id & 4095 > 100");
  sql("VACUUM");
  sql("PRAGMA wal_checkpoint(TRUNCATE)");
  EXPECT_EQ(fs::file_size(path_ + "-wal"), 0U);
  publish("b");
  settle();
  EXPECT_TRUE(store_->available()) << store_->status().reason;
  EXPECT_EQ(listener("b").newest(), 1U);
}

// --- R5: two servers -------------------------------------------------------

class SharedStoreTest : public StoreFixture {};

// R5
TEST_F(SharedStoreTest, AFileWithTwoNamesIsRefused) {
  open();
  publish("a");
  close();
  fs::create_hard_link(path_, folder_ / "other.db");
  EXPECT_THAT(refusal(), HasSubstr("the file has 2 names (hard links)"));
  options_.path = (folder_ / "other.db").string();
  EXPECT_THAT(refusal(), HasSubstr("remove the others, or start with a copy"));
}

// R5
TEST_F(SharedStoreTest, AFileThatIsOpenUnderAnotherNameIsRefused) {
  open();
  publish("a");
  settle();
  fs::rename(path_, folder_ / "other.db");
  options_.path = (folder_ / "other.db").string();
  EXPECT_THAT(refusal(), HasSubstr("another wsserve has the same file open under another name"));
}

// --- R9: a log that is lost or bad -----------------------------------------

class LostLogTest : public StoreFixture {
 protected:
  // Some commits, of which some are in the log alone; then the server is killed.
  void begin() {
    open();
    for (int i = 0; i < 5; ++i) {
      publish_many("a", 100);
      settle();
    }
    publish("b");
    settle();
    die();
    ASSERT_GT(fs::file_size(path_ + "-wal"), 0U);
  }
  void expect_new_epochs() {
    open();
    for (const char* name : {"a", "b"}) {
      if (channel(name).newest_at_open() > 0) {
        EXPECT_NE(channel(name).epoch(), "E1");
      }
    }
    EXPECT_NE(channel("a").epoch(), "E1") << "it may come to the same offsets with other events";
  }
};

// R9
TEST_F(LostLogTest, AWholeLogKeepsItsEpochs) {
  begin();
  open();
  EXPECT_EQ(channel("a").epoch(), "E1");
  EXPECT_EQ(channel("a").newest_at_open(), 500U);
}

// R9
TEST_F(LostLogTest, ALogThatWasRemovedIsMissed) {
  open();
  publish_many("a", 100);
  reopen();  // so that some of it is in the database
  publish_many("a", 100);
  settle();
  die();
  fs::remove(path_ + "-wal");
  expect_new_epochs();
  EXPECT_EQ(channel("a").newest_at_open(), 100U);
}

// R9
TEST_F(LostLogTest, ALogThatWasRemovedIsMissedWithoutTheLocksFileToo) {
  open();
  publish_many("a", 100);
  reopen();
  publish_many("a", 100);
  settle();
  die();
  fs::remove(path_ + "-wal");
  fs::remove(path_ + "-lock");
  expect_new_epochs();
}

// R9
TEST_F(LostLogTest, OneFlippedBitAnywhereInTheLogIsFound) {
  open();
  publish("a");
  reopen();
  for (int i = 0; i < 3; ++i) {
    publish_many("a", 10);
    settle();
  }
  die();
  const std::string log = contents(path_ + "-wal");
  const std::string database = contents(path_);
  const std::string lock = contents(path_ + "-lock");
  const std::uint32_t frames = scan_log(path_ + "-wal").frames;
  ASSERT_GE(frames, 3U) << "one a commit at least";
  for (std::size_t place = 16; place < 32 + frames * (24 + 4'096U); place += 1'237) {
    std::string bad = log;
    bad[place] ^= 0x10;
    overwrite(path_ + "-wal", bad);
    overwrite(path_, database);
    overwrite(path_ + "-lock", lock);
    fs::remove(path_ + "-shm");
    open();
    EXPECT_NE(channel("a").epoch(), "E1") << place;
    close();
  }
}

// R9
TEST_F(LostLogTest, WhatWasNeverAcknowledgedIsNotMissed) {
  begin();
  // A commit of which nobody was told, for the server was killed within it.
  const std::string log = contents(path_ + "-wal");
  const std::uint32_t frames = scan_log(path_ + "-wal").frames;
  const std::string half = log.substr(0, 32 + frames * (24 + 4'096U)) + log.substr(32, 24 + 100);
  overwrite(path_ + "-wal", half);
  open();
  EXPECT_EQ(channel("a").epoch(), "E1");
  EXPECT_EQ(channel("a").newest_at_open(), 500U);
}

// R9
TEST_F(LostLogTest, AnOlderCopyInItsPlaceIsNoticed) {
  open();
  publish_many("a", 10);
  settle();
  close();
  const std::string older = contents(path_);
  open();
  publish_many("a", 10);
  settle();
  die();
  overwrite(path_, older);
  fs::remove(path_ + "-wal");
  expect_new_epochs();
}

// R9
TEST_F(LostLogTest, AFileThatCouldNotBeWrittenLeavesItsLog) {
  open();
  publish_many("a", 3);
  settle();
  fs::rename(path_, folder_ / "moved.db");
  await([&] { return !store_->available(); });
  close();
  fs::rename(folder_ / "moved.db", path_);
  EXPECT_TRUE(fs::exists(path_ + "-wal"));
  open();
  EXPECT_EQ(channel("a").newest_at_open(), 3U);
  EXPECT_EQ(channel("a").epoch(), "E1");
}

TEST(LogMarkTest, IsALineOfItsOwn) {
  const LogMark mark{.salts = {.first = 0xFFFFFFFF, .second = 0x1A}, .frames = 4'294'967'295};
  EXPECT_EQ(mark.text().size(), LogMark::kBytes);
  EXPECT_EQ(LogMark::parse(mark.text()), mark);
  EXPECT_EQ(closed_mark().size(), LogMark::kBytes);
  EXPECT_EQ(LogMark::parse(closed_mark()), std::nullopt);
  for (const char* text : {"", "closed", "log ", "log 12", "log zz 1 1", "1234"}) {
    EXPECT_EQ(LogMark::parse(text), std::nullopt) << text;
  }
}

LogScan scan(std::uint32_t first, std::uint32_t second, std::uint32_t frames) {
  LogScan found;
  found.exists = true;
  found.salts = {.first = first, .second = second};
  found.frames = frames;
  return found;
}

TEST(LogMarkTest, ALogMayHaveBegunAnewSince) {
  const LogMark mark{.salts = {.first = 7, .second = 8}, .frames = 5};
  EXPECT_TRUE(holds(scan(7, 8, 5), mark));
  EXPECT_FALSE(holds(scan(7, 8, 4), mark));
  EXPECT_TRUE(holds(scan(8, 1, 0), mark));
  EXPECT_FALSE(holds(scan(6, 1, 9), mark));
  EXPECT_FALSE(holds(LogScan{}, mark));
  EXPECT_TRUE(holds(LogScan{}, LogMark{})) << "it was empty";
}

// --- R13: a reader that holds the log open ---------------------------------

class BlockedLogTest : public StoreFixture {};

// R13
TEST_F(BlockedLogTest, IsToldAndMeasured) {
  open();
  publish("a");
  settle();
  Database other(path_, Access::kReadOnly);
  other.exec("BEGIN");
  ASSERT_EQ(other.number("SELECT count(*) FROM events"), 1);
  const std::string data = '"' + std::string(100'000, 'x') + '"';
  poll([&] {
    for (int i = 0; i < 100; ++i) {
      if (!store_->crowded()) publish("a", data);
    }
    settle();
    return store_->status().log_blocked.count() > 0;
  });
  EXPECT_GT(store_->status().log_bytes, std::uint64_t{64} << 20);
  EXPECT_TRUE(store_->available());
  other.exec("COMMIT");
  poll([&] {
    publish("a", data);
    settle();
    return store_->status().log_blocked.count() == 0;
  });
  EXPECT_TRUE(store_->available());
}

}  // namespace
}  // namespace wskit::server::store
