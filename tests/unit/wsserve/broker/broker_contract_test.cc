// What every broker owes, whatever it keeps its logs in.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <thread>

#include "broker_rig.h"

namespace wskit::server::broker {
namespace {

using Refusal = Receipt::Refusal;

class BrokerContractTest : public BrokerRig, public testing::WithParamInterface<Kind> {
 protected:
  BrokerContractTest() : BrokerRig(GetParam()) {}

  static std::string counted(std::uint64_t events) {
    std::string text;
    for (std::uint64_t i = 1; i <= events; ++i) text += fmt::format("{}{}", i == 1 ? "" : " ", i);
    return text;
  }
};

TEST_P(BrokerContractTest, BringsEachEventOnceInTheOrderOfItsOffset) {
  constexpr int kEvents = 300;
  // The logs are open before the threads use them.
  for (const char* name : {"a", "b"}) (void)log(name);
  std::vector<std::thread> publishers;
  for (int i = 0; i < 3; ++i) {
    publishers.emplace_back([this] {
      for (int n = 0; n < kEvents; ++n) (void)publish(n % 2 == 0 ? "a" : "b");
    });
  }
  for (std::thread& publisher : publishers) publisher.join();
  settle();
  EXPECT_EQ(log("a").told(), counted(3 * kEvents / 2));
  EXPECT_EQ(log("b").told(), counted(3 * kEvents / 2));
  EXPECT_EQ(log("a").head().newest, 3U * kEvents / 2);
}

TEST_P(BrokerContractTest, TheReceiptOrTheOutcomeTellsTheOffset) {
  std::vector<Receipt> receipts;
  for (int i = 0; i < 20; ++i) receipts.push_back(publish("a"));
  for (std::uint64_t i = 0; i < receipts.size(); ++i) {
    const Outcome became = outcome(receipts[i]);
    EXPECT_FALSE(became.lost);
    EXPECT_FALSE(became.duplicate);
    EXPECT_EQ(became.offset, i + 1);
    EXPECT_EQ(receipts[i].first, i == 0);
  }
}

TEST_P(BrokerContractTest, TicketsRiseOverAllLogs) {
  Ticket before = 0;
  for (int i = 0; i < 10; ++i) {
    const Ticket ticket = publish(i % 2 == 0 ? "a" : "b").ticket;
    EXPECT_EQ(ticket, is_durable() ? before + 1 : 0);
    before = ticket;
  }
}

TEST_P(BrokerContractTest, BringsTheEventAsItWasDrafted) {
  (void)publish("news/día", {}, R"({"b": 1e400})");
  settle();
  const auto frames = log("news/día").frames();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames.front()->text(), R"({"type":"trade","channel":"news/día","offset":1,)"
                                    R"("timestamp":"2026-11-20T10:00:00.123456Z","data":{"b": 1e400}})");
}

TEST_P(BrokerContractTest, RecognisesAnIdThatIsSentAgain) {
  (void)publish("a", "one");
  const Receipt first = publish("a", "two");
  const Receipt again = publish("a", "two");
  EXPECT_EQ(outcome(first).offset, 2U);
  EXPECT_TRUE(outcome(again).duplicate);
  EXPECT_EQ(outcome(again).offset, 2U);
  EXPECT_FALSE(outcome(publish("b", "two")).duplicate) << "another log";
  EXPECT_EQ(log("a").told(), "1 2");
  const Receipt later = publish("a", "two");
  EXPECT_TRUE(outcome(later).duplicate);
  EXPECT_EQ(outcome(later).offset, 2U);
}

TEST_P(BrokerContractTest, RecognisesASequenceThatIsSentAgain) {
  const ProducerPtr engine = producers().find_or_create("engine");
  const ProducerPtr other = producers().find_or_create("other");
  for (std::int64_t sequence = 0; sequence < 5; ++sequence) (void)publish_numbered("a", engine, sequence);
  const Receipt again = publish_numbered("a", engine, 3);
  EXPECT_TRUE(outcome(again).duplicate);
  EXPECT_EQ(outcome(again).offset, 4U);
  EXPECT_FALSE(outcome(publish_numbered("a", other, 3)).duplicate);
  EXPECT_EQ(log("a").told(), "1 2 3 4 5 6");
}

TEST_P(BrokerContractTest, EventsThatWereBroughtCanBeReadAsFarBackAsTheHeadSays) {
  for (int i = 0; i < 5; ++i) (void)publish("a");
  settle();
  const Head head = log("a").head();
  EXPECT_EQ(head.newest, 5U);
  if (!is_durable()) {
    EXPECT_EQ(head.oldest, 6U);
    EXPECT_EQ(read("a", 0, 5), "gap");
    return;
  }
  EXPECT_EQ(head.oldest, 1U);
  EXPECT_EQ(read("a", 0, 5), "1 2 3 4 5");
  EXPECT_EQ(read("a", 2, 4), "3 4");
}

TEST_P(BrokerContractTest, FindsWhereATimeIs) {
  const protocol::SystemMicros begin = now_;
  for (int i = 0; i < 4; ++i) {
    (void)publish("a");
    now_ += std::chrono::seconds{1};
  }
  settle();
  if (!is_durable()) return;
  const Located located = locate("a", begin + std::chrono::seconds{2});
  EXPECT_EQ(located.after, 2U);
  EXPECT_TRUE(located.whole);
  EXPECT_EQ(located.error, "");
}

TEST_P(BrokerContractTest, AppendsAnEventAndItsCopiesTogether) {
  // Logs of the server itself are in memory.
  const std::vector<std::string> names{"a", "b", "@server/x", "c"};
  const ReceiptOfAll receipt = append_all(names, "id");
  EXPECT_EQ(receipt.copies, 3U);
  EXPECT_EQ(outcome(receipt.first).offset, 1U);
  EXPECT_TRUE(receipt.first.first);
  for (const std::string& name : names) EXPECT_EQ(log(name).told(), "1") << name;
  const ReceiptOfAll again = append_all(names, "id");
  EXPECT_TRUE(outcome(again.first).duplicate);
  for (const std::string& name : names) EXPECT_EQ(log(name).told(), "1") << name;
}

TEST_P(BrokerContractTest, AnEventInMemoryIsThereAtOnceAndItsCopiesFollow) {
  const ReceiptOfAll receipt = append_all({"@server/x", "a", "@server/y"});
  EXPECT_EQ(receipt.first.ticket, 0U);
  EXPECT_EQ(receipt.first.offset, 1U);
  EXPECT_EQ(receipt.copies, 2U);
  EXPECT_EQ(receipt.copies_ticket != 0, is_durable());
  EXPECT_EQ(log("@server/x").told(), "1");
  EXPECT_EQ(log("@server/y").told(), "1");
  settle();
  EXPECT_EQ(log("a").told(), "1");
}

TEST_P(BrokerContractTest, ALogIsUnusedUntilAnEventIsAppended) {
  const auto is_unused = [this] {
    const std::lock_guard lock(log("a").mutex());
    return log("a").log().is_unused();
  };
  EXPECT_TRUE(is_unused());
  EXPECT_EQ(log("a").head().newest, 0U);
  EXPECT_EQ(log("a").head().oldest, 1U);
  EXPECT_EQ(log("a").head().epoch, "E1");
  (void)publish("a");
  EXPECT_FALSE(is_unused()) << "also while it is on its way";
  settle();
  EXPECT_FALSE(is_unused());
}

TEST_P(BrokerContractTest, KeepsTheServersOwnChannelsInMemory) {
  EXPECT_EQ(log("a").log().is_durable(), is_durable());
  EXPECT_FALSE(log("@server/stats").log().is_durable());
  EXPECT_EQ(broker().is_durable(), is_durable());
  EXPECT_EQ(broker().keeps("a", true), is_durable());
  EXPECT_FALSE(broker().keeps("a", false));
  EXPECT_FALSE(broker().keeps("@server/stats", true));
}

TEST_P(BrokerContractTest, ADurableLogGoesOnInTheNextRun) {
  (void)publish("a", "one");
  (void)publish("a", "two");
  settle();
  restart();
  if (!is_durable()) {
    EXPECT_THAT(broker().channels(), testing::IsEmpty());
    EXPECT_EQ(log("a").head().newest, 0U);
    return;
  }
  EXPECT_THAT(broker().channels(), testing::ElementsAre("a"));
  EXPECT_EQ(log("a").head().newest, 2U);
  EXPECT_EQ(log("a").head().epoch, "E1");
  EXPECT_EQ(read("a", 0, 2), "1 2");
  EXPECT_TRUE(outcome(publish("a", "two")).duplicate);
  EXPECT_EQ(outcome(publish("a", "three")).offset, 3U);
  EXPECT_EQ(log("a").told(), "3");
}

TEST_P(BrokerContractTest, KeepsWhatWasAppendedBeforeItStops) {
  for (int i = 0; i < 100; ++i) (void)publish("a");
  restart();
  EXPECT_EQ(log("a").head().newest, is_durable() ? 100U : 0U);
}

TEST_P(BrokerContractTest, IsWell) {
  (void)publish("a");
  settle();
  EXPECT_TRUE(broker().is_available());
  EXPECT_FALSE(broker().is_crowded());
  EXPECT_EQ(broker().health().problem, "");
  EXPECT_EQ(broker().health().damage, "");
}

std::string name_of(const testing::TestParamInfo<Kind>& info) {
  switch (info.param) {
    case Kind::kMemory:
      return "Memory";
    case Kind::kSqlite:
      return "Sqlite";
    case Kind::kLate:
      return "Late";
  }
  return {};
}

INSTANTIATE_TEST_SUITE_P(Every, BrokerContractTest,
                         testing::Values(Kind::kMemory, Kind::kSqlite, Kind::kLate), name_of);

// --- A connection that is lost -------------------------------------------------

class LostConnectionTest : public BrokerRig {
 protected:
  LostConnectionTest() : BrokerRig(Kind::kLate) {}
};

TEST_F(LostConnectionTest, RefusesEventsAndTakesThemAgain) {
  (void)publish("a", "one");
  settle();
  late().cut(LateBroker::Waiting::kIsLost);
  EXPECT_FALSE(broker().is_available());
  EXPECT_NE(broker().health().problem, "");
  EXPECT_EQ(publish("a", "two").refusal, Refusal::kUnavailable);
  EXPECT_EQ(append_all({"a", "b"}).first.refusal, Refusal::kUnavailable);
  const ReceiptOfAll in_memory = append_all({"@server/x", "a"});
  EXPECT_EQ(in_memory.first.offset, 1U);
  EXPECT_EQ(in_memory.copies, 0U);
  late().connect();
  EXPECT_EQ(outcome(publish("a", "two")).offset, 2U);
  EXPECT_EQ(log("a").told(), "1 2");
  EXPECT_EQ(log("a").epoch(), "E1");
}

TEST_F(LostConnectionTest, EventsThatWaitAreLostOrBroughtAndNeverBoth) {
  std::vector<Receipt> receipts;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 5; ++i) receipts.push_back(publish("a"));
    late().cut(round % 2 == 0 ? LateBroker::Waiting::kIsLost : LateBroker::Waiting::kIsSentLater);
    late().connect();
  }
  std::uint64_t kept = 0;
  for (const Receipt& receipt : receipts) {
    const Outcome became = outcome(receipt);
    if (became.lost) continue;
    EXPECT_EQ(became.offset, ++kept);
  }
  EXPECT_EQ(log("a").frames().size(), kept);
  EXPECT_EQ(log("a").head().newest, kept);
}

TEST_F(LostConnectionTest, ALogThatLostEventsIsBrokenAndItsOffsetsGoOn) {
  (void)publish("a", "one");
  (void)publish("a", "two");
  (void)log("unused");
  settle();
  late().lose_events();
  EXPECT_EQ(log("a").told(), "1 2 broken");
  EXPECT_NE(log("a").epoch(), "E1");
  EXPECT_EQ(log("unused").told(), "");
  const Head head = log("a").head();
  EXPECT_GT(head.newest, 2U);
  EXPECT_EQ(head.oldest, head.newest + 1);
  EXPECT_EQ(read("a", 0, head.newest), "gap");
  const Outcome next = outcome(publish("a", "two"));
  EXPECT_FALSE(next.duplicate) << "the log knows nothing from before";
  EXPECT_EQ(next.offset, head.newest + 1);
  EXPECT_EQ(next.epoch, log("a").epoch());
}

}  // namespace
}  // namespace wskit::server::broker
