#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <set>
#include <thread>

#include "store_fixture.h"
#include "wsserve/frame/event_frame.h"

namespace wskit::server::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class StoreTest : public StoreFixture {
 protected:
  // Holds the writer within the next commit of a channel, so that what is
  // published meanwhile queues.
  void hold_writer(const std::string& name) {
    listener(name).on_commit = [this, &listener = listener(name)] {
      listener.on_commit = nullptr;
      held_.set_value();
      EXPECT_EQ(go_on_.get_future().wait_for(kDeadline), std::future_status::ready);
    };
    publish(name);
    ASSERT_EQ(held_.get_future().wait_for(kDeadline), std::future_status::ready);
  }
  void release_writer() {
    go_on_.set_value();
    held_ = {};
  }

 private:
  std::promise<void> held_;
  std::promise<void> go_on_;
};

// --- Writing and reading back --------------------------------------------

TEST_F(StoreTest, GivesBackEveryEventByteForByte) {
  open();
  protocol::EventView event;
  event.type = "position_closed";
  event.channel = "news/día";
  event.offset = 1;
  event.timestamp = "2026-11-20T11:00:00.5+01:00";
  event.key = R"("a\"bé")";
  event.data = R"({"n": 12345678901234567890.10e5, "t":"\u0000 ü"})";
  const ChunkPtr frame = build_event_frame(event);
  const auto ticket = store_->append({.channel = &channel("news/día"),
                                      .sink = &listener("news/día"),
                                      .frame = frame,
                                      .received = now_.load(),
                                      .dedup = "x"});
  await([&] { return store_->settled() >= *ticket; });
  const Part part = read("news/día", 0);
  ASSERT_EQ(part.frames.size(), 1U);
  EXPECT_EQ(part.frames[0]->bytes(), frame->bytes());
  EXPECT_EQ(part.frames[0]->event.offset, 1U);
  EXPECT_EQ(part.frames[0]->key(), frame->key());
  EXPECT_EQ(part.frames[0]->type(), frame->type());
  EXPECT_EQ(part.frames[0]->event.data_begin, frame->event.data_begin);
}

TEST_F(StoreTest, CountsTicketsOverAllChannels) {
  open();
  EXPECT_EQ(publish("a"), 1U);
  EXPECT_EQ(publish("b"), 2U);
  EXPECT_EQ(publish("a"), 3U);
  settle();
  EXPECT_EQ(store_->settled(), 3U);
  EXPECT_FALSE(store_->failed(3));
  EXPECT_EQ(listener("a").newest(), 2U);
  EXPECT_EQ(listener("b").newest(), 1U);
}

TEST_F(StoreTest, CommitsWhatHasQueuedTogether) {
  open();
  hold_writer("a");
  for (int i = 0; i < 3; ++i) {
    publish("b");
    publish("a");
  }
  release_writer();
  settle();
  EXPECT_EQ(listener("a").told(), "1 2-4");
  EXPECT_EQ(listener("b").told(), "1-3");
  EXPECT_EQ(store_->status().commits, 2U);
  EXPECT_EQ(store_->status().stored_events, 7U);
  EXPECT_EQ(offsets("a", 0), "1 2 3 4");
  EXPECT_EQ(offsets("b", 1), "2 3");
}

TEST_F(StoreTest, BoundsWhatOneCommitTakes) {
  open();
  hold_writer("a");
  publish_many("a", 40'000);
  release_writer();
  settle();
  EXPECT_EQ(listener("a").newest(), 40'001U);
  EXPECT_EQ(listener("a").commits(), 4U);
}

TEST_F(StoreTest, HasTheEventsInTheFileWhenItTellsOfThem) {
  open();
  std::vector<std::string> seen;
  listener("a").on_commit = [&] { seen = sql("SELECT count(*) FROM events"); };
  publish_many("a", 1);
  settle();
  EXPECT_THAT(seen, ElementsAre("1"));
}

TEST_F(StoreTest, IsCrowdedWhileMoreWaitsThanIsGood) {
  options_.max_queued_bytes = 1'000;
  open();
  hold_writer("a");
  EXPECT_FALSE(store_->crowded());
  publish("a", '"' + std::string(1'000, 'x') + '"');
  EXPECT_TRUE(store_->crowded());
  EXPECT_EQ(store_->status().queued_events, 2U);  // the held one is not settled yet
  release_writer();
  settle();
  EXPECT_FALSE(store_->crowded());
  EXPECT_EQ(store_->status().queued_events, 0U);
  EXPECT_EQ(store_->status().queued_bytes, 0U);
}

TEST_F(StoreTest, ReadsInPartsOfAFewBytes) {
  open();
  publish_many("a", 10);
  settle();
  const Part part = read("a", 3, 9, 1);
  ASSERT_EQ(part.frames.size(), 1U);
  EXPECT_EQ(part.frames[0]->event.offset, 4U);
  EXPECT_EQ(offsets("a", 3, 5), "4 5");
  EXPECT_EQ(offsets("a", 10), "");
}

TEST_F(StoreTest, NeverReadsAnotherChannel) {
  open();
  publish("a");
  publish("b");
  publish("c");
  settle();
  EXPECT_EQ(offsets("b", 0), "1");
  EXPECT_EQ(offsets("nobody", 0), "");
}

TEST_F(StoreTest, FindsWhereATimeBegins) {
  open();
  const auto start = now_.load();
  for (int i = 0; i < 100; ++i) {
    publish("a");
    now_ = now_.load() + std::chrono::seconds{1};
  }
  settle();
  EXPECT_EQ(locate("a", start).after, 0U);
  EXPECT_EQ(locate("a", start + std::chrono::seconds{40}).after, 40U);
  EXPECT_EQ(locate("a", start + std::chrono::microseconds{40'000'001}).after, 41U);
  EXPECT_EQ(locate("a", start + std::chrono::hours{1}).after, 100U);
  EXPECT_TRUE(locate("a", start).whole);
}

TEST_F(StoreTest, FindsATimeThoughTheClockWasSetBack) {
  open();
  const auto start = now_.load();
  publish("a");
  now_ = start - std::chrono::hours{1};
  publish("a");
  now_ = start + std::chrono::hours{1};
  publish("a");
  settle();
  EXPECT_EQ(locate("a", start).after, 0U);
  EXPECT_EQ(locate("a", start + std::chrono::microseconds{1}).after, 2U);
}

TEST_F(StoreTest, KeepsTheOrderOfEachChannelWhenManyThreadsAppend) {
  open();
  constexpr int kThreads = 4;
  constexpr std::uint64_t kEvents = 5'000;
  std::vector<Record> records;
  for (int t = 0; t < kThreads; ++t) (void)record("c" + std::to_string(t), 1);  // makes channels and sinks
  (void)record("shared", 1);
  std::mutex shared_mutex;
  std::uint64_t shared_offset = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const std::string own = "c" + std::to_string(t);
      StoredChannel& own_channel = store_->channel(own, retention_, "E1");
      StoredChannel& shared_channel = store_->channel("shared", retention_, "E1");
      const auto append = [&](StoredChannel& to, Sink& sink, std::uint64_t offset) {
        protocol::EventView event{.type = "t",
                                  .channel = to.name(),
                                  .offset = offset,
                                  .timestamp = "2026-11-20T10:00:00Z",
                                  .id = {},
                                  .key = {},
                                  .received = {},
                                  .from = 0,
                                  .merged = 0,
                                  .data = "1"};
        EXPECT_TRUE(store_->append({.channel = &to,
                                    .sink = &sink,
                                    .frame = build_event_frame(event),
                                    .received = now_.load(),
                                    .dedup = {}}));
      };
      for (std::uint64_t i = 1; i <= kEvents; ++i) {
        append(own_channel, listeners_.at(own), i);
        const std::lock_guard lock(shared_mutex);
        append(shared_channel, listeners_.at("shared"), ++shared_offset);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  await([&] { return store_->settled() == 2 * kThreads * kEvents; });
  EXPECT_EQ(listener("shared").newest(), kThreads * kEvents);
  EXPECT_EQ(listener("c3").newest(), kEvents);
  EXPECT_EQ(read("shared", 0).frames.size(), kThreads * kEvents);
  EXPECT_EQ(read("c0", 0).frames.size(), kEvents);
}

// --- Restarts ------------------------------------------------------------

TEST_F(StoreTest, GoesOnWithEpochsAndOffsetsAfterARestart) {
  open();
  publish_many("a", 3);
  publish("b");
  settle();
  reopen();
  EXPECT_EQ(store_->channels().size(), 2U);
  StoredChannel& a = store_->channel("a", retention_, "E2");
  EXPECT_EQ(a.epoch(), "E1");
  EXPECT_EQ(a.newest_at_open(), 3U);
  EXPECT_EQ(a.oldest(), 1U);
  publish("a");
  settle();
  EXPECT_EQ(offsets("a", 0), "1 2 3 4");
  StoredChannel& fresh = store_->channel("c", retention_, "E2");
  EXPECT_EQ(fresh.epoch(), "E2");
  EXPECT_EQ(fresh.newest_at_open(), 0U);
}

TEST_F(StoreTest, KnowsNoChannelThatHasNoEvents) {
  open();
  (void)channel("a");
  publish("b");
  settle();
  EXPECT_EQ(store_->channels().size(), 2U);
  reopen();
  EXPECT_EQ(store_->channels().size(), 1U);
}

TEST_F(StoreTest, WritesWhatIsQueuedBeforeItStops) {
  open();
  publish_many("a", 1'000);
  reopen();
  EXPECT_EQ(channel("a").newest_at_open(), 1'000U);
}

TEST_F(StoreTest, LeavesNoLogBehindWhenItStops) {
  open();
  publish("a");
  close();
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
}

TEST_F(StoreTest, NeverCallsBackForReadsThatItDidNotDo) {
  open();
  publish("a");
  settle();
  std::promise<void> reading;
  std::promise<void> go_on;
  bool second = false;
  store_->read(channel("a"), 0, 1, 1, [&](Part) {
    reading.set_value();
    EXPECT_EQ(go_on.get_future().wait_for(kDeadline), std::future_status::ready);
  });
  ASSERT_EQ(reading.get_future().wait_for(kDeadline), std::future_status::ready);
  store_->read(channel("a"), 0, 1, 1, [&](Part) { second = true; });
  std::thread stopper([&] { store_->stop(); });
  // A read that is asked for while the store stops is dropped as well.
  go_on.set_value();
  stopper.join();
  store_->read(channel("a"), 0, 1, 1, [&](Part) { second = true; });
  // Either it had been read before stop() began, or never is.
  const bool before = second;
  close();
  EXPECT_EQ(second, before);
}

TEST_F(StoreTest, RemembersTheIdsOfTheDedupWindow) {
  retention_.dedup = {.max_ids = 3, .max_age = std::chrono::minutes{10}};
  open();
  for (const char* id : {"p:1", "", "p:2", "p:3", "p:4"}) publish("a", "1", id);
  publish("b");
  settle();
  reopen();
  const auto ids = store_->take_recent_ids(channel("a"));
  ASSERT_EQ(ids.size(), 3U);
  EXPECT_EQ(ids[0].id, "p:2");
  EXPECT_EQ(ids[0].offset, 3U);
  EXPECT_EQ(ids[2].id, "p:4");
  EXPECT_EQ(ids[2].received, now_.load());
  EXPECT_THAT(store_->take_recent_ids(channel("a")), IsEmpty());
  EXPECT_THAT(store_->take_recent_ids(channel("b")), IsEmpty());
}

TEST_F(StoreTest, RemembersTheNewestSequencesOfEachProducer) {
  retention_.dedup = {.max_ids = 3, .max_age = std::chrono::minutes{10}, .max_producers = 2};
  open();
  Producers producers;
  const ProducerPtr p = producers.find_or_create("p");
  const ProducerPtr q = producers.find_or_create("q");
  const ProducerPtr r = producers.find_or_create("r");
  std::uint64_t offset = 0;
  const auto publish_sequence = [&](const ProducerPtr& producer, std::int64_t sequence) {
    Record next = record("a", ++offset, "1", {});
    next.producer = producer;
    next.sequence = sequence;
    ASSERT_TRUE(store_->append(std::move(next)));
  };
  publish_sequence(r, 1);
  publish_sequence(q, 70);
  for (const std::int64_t sequence : {10, 20, 30, 40}) publish_sequence(p, sequence);
  settle();
  reopen();
  const auto ids = store_->take_recent_ids(channel("a"));
  ASSERT_EQ(ids.size(), 4U) << "three of p, one of q, and r is one producer too many";
  EXPECT_EQ(ids[0].producer, "q");
  EXPECT_EQ(ids[0].sequence, 70);
  EXPECT_EQ(ids[0].offset, 2U);
  EXPECT_EQ(ids[0].id, "");
  EXPECT_EQ(ids[1].producer, "p");
  EXPECT_EQ(ids[1].sequence, 20);
  EXPECT_EQ(ids[3].sequence, 40);
}

TEST_F(StoreTest, ForgetsIdsThatAreTooOld) {
  retention_.dedup = {.max_ids = 10, .max_age = std::chrono::minutes{10}};
  open();
  publish("a", "1", "old");
  now_ = now_.load() + std::chrono::minutes{6};
  publish("a", "1", "new");
  settle();
  now_ = now_.load() + std::chrono::minutes{6};
  reopen();
  const auto ids = store_->take_recent_ids(channel("a"));
  ASSERT_EQ(ids.size(), 1U);
  EXPECT_EQ(ids[0].id, "new");
}

TEST_F(StoreTest, KeepsEpochsAfterACrashOfTheServer) {
  options_.sync = Sync::kNormal;
  open();
  publish("a");
  settle();
  die();
  open();
  EXPECT_EQ(channel("a").epoch(), "E1");
}

TEST_F(StoreTest, GivesNewEpochsWhereACrashOfTheMachineMayHaveTakenEvents) {
  options_.sync = Sync::kNormal;
  open();
  publish_many("a", 2);
  publish("b");
  settle();
  sql("UPDATE meta SET value = 'another' WHERE key = 'boot'");
  die();
  options_.sync = Sync::kFull;
  open();
  const std::set<std::string> epochs{channel("a").epoch(), channel("b").epoch()};
  EXPECT_EQ(epochs, (std::set<std::string>{"new1", "new2"}));
  EXPECT_EQ(channel("a").newest_at_open(), 2U);
  const std::string epoch = channel("a").epoch();
  reopen();
  EXPECT_EQ(channel("a").epoch(), epoch);
}

TEST_F(StoreTest, KeepsEpochsWhereEveryCommitWasFlushed) {
  open();
  publish("a");
  settle();
  sql("UPDATE meta SET value = 'another' WHERE key = 'boot'");
  die();
  open();
  EXPECT_EQ(channel("a").epoch(), "E1");
}

// --- Files that are refused ----------------------------------------------

TEST_F(StoreTest, RefusesAFileThatAnotherServerHasOpen) {
  open();
  EXPECT_THAT(refusal(),
              HasSubstr("another wsserve (process " + std::to_string(::getpid()) + ") has it open"));
  EXPECT_THAT(refusal(), HasSubstr(path_));
  close();
  EXPECT_EQ(refusal(), "");
}

TEST_F(StoreTest, RefusesAFileThatAnotherServerHasOpenUnderAnotherName) {
  open();
  std::filesystem::create_symlink(path_, folder_ / "link.db");
  options_.path = (folder_ / "link.db").string();
  EXPECT_THAT(refusal(), HasSubstr("another wsserve"));
}

TEST_F(StoreTest, RefusesANewerSchema) {
  open();
  close();
  sql("PRAGMA user_version = 4");
  EXPECT_THAT(refusal(), HasSubstr("its schema is version 4 and this wsserve knows up to 3"));
}

TEST_F(StoreTest, RefusesTheDatabaseOfAnotherProgram) {
  sql("CREATE TABLE theirs(x)");
  EXPECT_THAT(refusal(), HasSubstr("another program's database"));
  EXPECT_THAT(sql("PRAGMA journal_mode"), ElementsAre("delete"));  // it was not touched
}

TEST_F(StoreTest, RefusesAFileThatIsNoDatabase) {
  std::ofstream(path_) << "offset,price\n" << std::string(1'000, 'x');
  EXPECT_THAT(refusal(), HasSubstr("it is no SQLite database: name another file"));
}

TEST_F(StoreTest, NamesAFolderThatIsMissing) {
  options_.path = (folder_ / "away" / "events.db").string();
  EXPECT_THAT(refusal(), HasSubstr("there is no folder " + (folder_ / "away").string() + ": make it first"));
}

TEST_F(StoreTest, RefusesAFolder) {
  options_.path = folder_.string();
  EXPECT_THAT(refusal(), HasSubstr("it is a folder: name a file"));
}

TEST_F(StoreTest, RefusesAFolderItMayNotWrite) {
  options_.path = "/sys/events.db";  // where the kernel lets not even root make a file
  EXPECT_THAT(refusal(),
              testing::AllOf(HasSubstr("/sys/events.db"), HasSubstr("let this user write its folder")));
}

}  // namespace
}  // namespace wskit::server::store
