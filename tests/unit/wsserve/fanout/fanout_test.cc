#include "wsserve/fanout/fanout.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "fanout_fixture.h"

namespace wskit::server {
namespace {

using testing::ElementsAre;

class FanoutTest : public testing::Test, public FanoutFixture {};

TEST_F(FanoutTest, DeliversAllThatATurnHoldsAtOnceAndInOrder) {
  join("ann", "news");
  join("bob", "news");
  for (int i = 0; i < 3; ++i) publish("news");
  turn();
  EXPECT_EQ(received("ann"), "news:1 news:2 news:3");
  EXPECT_EQ(received("bob"), "news:1 news:2 news:3");
  EXPECT_EQ(who("ann").deliveries(), 1U);
  publish("news");
  turn();
  EXPECT_EQ(received("ann"), "news:4");
}

TEST_F(FanoutTest, DeliversTheEventAsItWasPublished) {
  join("ann", "news");
  publish("news", "alert", R"({ "b" : 1.50, "a":"é" })");
  turn();
  EXPECT_THAT(who("ann").texts(),
              ElementsAre(R"({"type":"alert","channel":"news","offset":1,)"
                          R"("timestamp":"2026-11-20T10:00:00.123456Z","data":{ "b" : 1.50, "a":"é" }})"));
}

TEST_F(FanoutTest, DeliversNothingToWhomItDoesNotConcern) {
  join("ann", "news");
  join("bob", "other/*");
  publish("news");
  publish("nobody/listens");
  turn();
  EXPECT_EQ(received("ann"), "news:1");
  EXPECT_EQ(received("bob"), "");
  EXPECT_EQ(who("bob").deliveries(), 0U);
}

TEST_F(FanoutTest, GivesTheSameBytesToThoseWhoGetTheSameEvents) {
  for (const std::string name : {"ann", "bob", "cleo"}) {
    join(name, "a");
    join(name, "b");
  }
  for (int i = 0; i < 2; ++i) {
    publish("a");
    publish("b");
  }
  turn();
  EXPECT_EQ(who("ann").runs().front(), who("bob").runs().front());
  EXPECT_EQ(who("ann").runs().front(), who("cleo").runs().front());
}

TEST_F(FanoutTest, MergesSeveralChannelsInTheOrderOfArrival) {
  join("ann", "b");
  join("ann", "a");
  join("ann", "c");
  join("bob", "a");
  join("bob", "c");
  for (const std::string_view channel : {"a", "b", "a", "c", "b", "c", "a"}) publish(channel);
  turn();
  EXPECT_EQ(received("ann"), "a:1 b:1 a:2 c:1 b:2 c:2 a:3");
  EXPECT_EQ(received("bob"), "a:1 a:2 c:1 c:2 a:3");
  EXPECT_EQ(who("ann").deliveries(), 1U);
}

// Each set of channels comes back after another, so that a run merged for one set
// must not be taken for the next one's.
TEST_F(FanoutTest, TellsApartTheSetsOfChannelsOfSubscribersInAnyOrder) {
  const std::array<std::string, 3> channels{"a", "b", "c"};
  for (unsigned i = 0; i < 32; ++i) {
    for (unsigned channel = 0; channel < 3; ++channel) {
      if ((i & (1U << channel)) != 0) join(fmt::format("s{}", i), channels[channel]);
    }
  }
  for (const std::string_view channel : {"c", "a", "b", "a"}) publish(channel);
  turn();
  for (unsigned i = 0; i < 32; ++i) {
    std::vector<std::string> expected;
    for (const auto& [channel, event] : {std::pair(2U, "c:1"), {0U, "a:1"}, {1U, "b:1"}, {0U, "a:2"}}) {
      if ((i & (1U << channel)) != 0) expected.emplace_back(event);
    }
    EXPECT_EQ(received(fmt::format("s{}", i)), fmt::to_string(fmt::join(expected, " "))) << i;
  }
}

TEST_F(FanoutTest, DeliversOnceToWhoSubscribedTheNameAndPatterns) {
  join("ann", "market/AAPL");
  join("ann", "market/*");
  join("ann", "**");
  join("bob", "**");
  publish("market/AAPL");
  publish("market/MSFT");
  publish("market/AAPL");
  turn();
  EXPECT_EQ(received("ann"), "market/AAPL:1 market/MSFT:1 market/AAPL:2");
  EXPECT_EQ(received("bob"), "market/AAPL:1 market/MSFT:1 market/AAPL:2");
}

TEST_F(FanoutTest, HearsOfChannelsThatAreMadeAfterThePattern) {
  join("ann", "market/*");
  publish("market/new");
  turn();
  publish("market/newer");
  turn();
  EXPECT_EQ(received("ann"), "market/new:1 market/newer:1");
}

// --- seams ---------------------------------------------------------------

TEST_F(FanoutTest, DeliversNothingPublishedBeforeTheSubscriptionAndAllThatFollows) {
  publish("news");
  join("ann", "news");
  publish("news");
  const Position position = join("bob", "news");
  EXPECT_EQ(position.offset, 2U);
  publish("news");
  join("cleo", "*");
  publish("news");
  turn();
  EXPECT_EQ(received("ann"), "news:2 news:3 news:4");
  EXPECT_EQ(received("bob"), "news:3 news:4");
  EXPECT_EQ(received("cleo"), "news:4");
}

TEST_F(FanoutTest, SaysWhereTheChannelStands) {
  EXPECT_EQ(join("ann", "news").offset, 0U);
  publish("news");
  publish("news");
  const Position position = join("bob", "news");
  EXPECT_EQ(position.offset, 2U);
  EXPECT_EQ(position.epoch, hub().find_or_create("news")->epoch());
}

TEST_F(FanoutTest, LetsAPatternBringWhatAYoungerNameIsTooLateFor) {
  join("ann", "*");
  publish("news");
  join("ann", "news");
  publish("news");
  turn();
  EXPECT_EQ(received("ann"), "news:1 news:2");
}

TEST_F(FanoutTest, BringsNothingOfATurnThatWasUnderWayAtTheSubscription) {
  join("ann", "news");
  join("bob", "news");
  publish("news");
  turn(1, [&] {
    join("cleo", "news");
    publish("news");
  });
  EXPECT_EQ(received("cleo"), "");
  turn();
  EXPECT_EQ(received("cleo"), "news:2");
  EXPECT_EQ(received("ann"), "news:1 news:2");
}

// --- filters -------------------------------------------------------------

TEST_F(FanoutTest, FiltersByTypeAndCountsWhatItKeptBack) {
  join("ann", "news", TypeFilter::only({"alert"}));
  join("bob", "news");
  for (const std::string_view type : {"trade", "alert", "trade", "alert"}) publish("news", type);
  turn();
  EXPECT_EQ(received("ann"), "news:2 news:4");
  EXPECT_EQ(who("ann").filtered(), 2U);
  EXPECT_EQ(received("bob"), "news:1 news:2 news:3 news:4");
  EXPECT_EQ(who("bob").filtered(), 0U);
}

TEST_F(FanoutTest, DeliversNothingWhereNothingPasses) {
  join("ann", "news", TypeFilter::only({"alert"}));
  publish("news", "trade");
  turn();
  EXPECT_EQ(who("ann").deliveries(), 0U);
  EXPECT_EQ(who("ann").filtered(), 1U);
}

TEST_F(FanoutTest, PassesWhatOneOfSeveralSubscriptionsLets) {
  join("ann", "news", TypeFilter::only({"alert"}));
  join("ann", "*", TypeFilter::only({"trade"}));
  for (const std::string_view type : {"trade", "alert", "other"}) publish("news", type);
  turn();
  EXPECT_EQ(received("ann"), "news:1 news:2");
  EXPECT_EQ(who("ann").filtered(), 1U);
  join("ann", "**");
  publish("news", "other");
  turn();
  EXPECT_EQ(received("ann"), "news:4");
  EXPECT_EQ(who("ann").filtered(), 1U);
}

TEST_F(FanoutTest, FiltersAndMergesAtOnce) {
  join("ann", "a", TypeFilter::only({"alert"}));
  join("ann", "b");
  publish("b", "trade");
  publish("a", "alert");
  publish("a", "trade");
  publish("b", "alert");
  turn();
  EXPECT_EQ(received("ann"), "b:1 a:1 b:2");
}

TEST_F(FanoutTest, ChangesAFilterBehindWhatTheTurnHolds) {
  join("ann", "news");
  join("bob", "news");
  publish("news", "trade");
  turn(1, [&] { filter("bob", "news", TypeFilter::only({"alert"})); });
  EXPECT_EQ(received("bob"), "news:1");
  publish("news", "trade");
  publish("news", "alert");
  turn();
  EXPECT_EQ(received("bob"), "news:3");
  filter("bob", "news", nullptr);
  publish("news", "trade");
  turn();
  EXPECT_EQ(received("bob"), "news:4");
}

// A filter that covers events from before the seam of another subscription: those
// are neither delivered nor counted.
TEST_F(FanoutTest, CountsNothingAsFilteredThatWasNeverDue) {
  publish("news", "trade");
  join("bob", "news");
  publish("news", "trade");
  join("ann", "news", TypeFilter::only({"alert"}));
  publish("news", "trade");
  turn();
  EXPECT_EQ(who("ann").filtered(), 1U);
}

// --- leaving -------------------------------------------------------------

TEST_F(FanoutTest, DeliversNothingAfterLeaving) {
  join("ann", "news");
  publish("news");
  turn();
  leave("ann", "news");
  publish("news");
  turn();
  EXPECT_EQ(received("ann"), "news:1");
}

TEST_F(FanoutTest, DeliversWhatTheTurnHoldsBeforeASubscriberLeaves) {
  join("ann", "a");
  join("bob", "a");
  join("bob", "b");
  join("cleo", "b");
  publish("a");
  publish("b");
  turn(1, [&, left = false]() mutable {
    if (left) return;
    left = true;
    leave("bob", "a");
    EXPECT_EQ(received("bob"), "a:1 b:1");
  });
  EXPECT_EQ(received("bob"), "");
  EXPECT_EQ(who("bob").deliveries(), 1U);
  EXPECT_EQ(received("cleo"), "b:1");
  publish("a");
  publish("b");
  turn();
  EXPECT_EQ(received("bob"), "b:2");
}

TEST_F(FanoutTest, LetsTheLastOneLeaveInTheMiddleOfATurn) {
  join("ann", "news");
  join("bob", "*");
  publish("news");
  turn(1, [&] {
    leave("ann", "news");
    leave("bob", "*");
  });
  EXPECT_EQ(received("ann"), "news:1");
  EXPECT_EQ(received("bob"), "news:1");
}

TEST_F(FanoutTest, MovesTheOthersUpWhenOneLeaves) {
  for (const std::string name : {"ann", "bob", "cleo", "dan"}) join(name, "news");
  leave("bob", "news");
  leave("ann", "news");
  join("eve", "news");
  leave("dan", "news");
  publish("news");
  turn();
  EXPECT_EQ(received("ann") + received("bob") + received("dan"), "");
  EXPECT_EQ(received("cleo"), "news:1");
  EXPECT_EQ(received("eve"), "news:1");
}

TEST_F(FanoutTest, DeliversNothingMoreToTheForgotten) {
  join("ann", "a");
  join("bob", "a");
  join("bob", "b");
  join("cleo", "a");
  publish("a");
  publish("b");
  turn(1, [&, forgotten = false]() mutable {
    if (forgotten) return;
    forgotten = true;
    fanout().forget(who("bob"));
    leave("bob", "a");
    leave("bob", "b");
  });
  EXPECT_EQ(who("bob").deliveries(), 0U);
  EXPECT_EQ(received("ann"), "a:1");
  EXPECT_EQ(received("cleo"), "a:1");
}

TEST_F(FanoutTest, HandsOverAtOnceWhenAsked) {
  join("ann", "news");
  join("bob", "news");
  publish("news");
  turn(1, [&] {
    fanout().flush_now(who("bob"));
    EXPECT_EQ(who("bob").deliveries(), 1U);
  });
  EXPECT_EQ(who("bob").deliveries(), 1U);
  fanout().flush_now(who("bob"));
  EXPECT_EQ(received("bob"), "news:1");
}

TEST_F(FanoutTest, CallsBetweenSlicesAndOnlyThere) {
  for (int i = 0; i < 10; ++i) join(fmt::format("s{}", i), "news");
  const auto calls = [&](std::size_t slice) {
    publish("news");
    int count = 0;
    turn(slice, [&] { ++count; });
    return count;
  };
  EXPECT_EQ(calls(1), 9);
  EXPECT_EQ(calls(3), 3);
  EXPECT_EQ(calls(5), 1);
  EXPECT_EQ(calls(10), 0);
  EXPECT_EQ(calls(100), 0);
}

TEST_F(FanoutTest, CountsThoseWhoAreDue) {
  join("ann", "a");
  join("ann", "b");
  join("bob", "*");
  std::vector<Delivery> deliveries;
  std::vector<Inbox::Task> tasks;
  publish("a");
  publish("b");
  const auto first = inbox().take(deliveries, tasks);
  fanout().collect(deliveries, first);
  EXPECT_EQ(fanout().due(), 2U);
  fanout().flush(10, [] {});
  EXPECT_EQ(fanout().due(), 0U);
}

// --- interest ------------------------------------------------------------

TEST_F(FanoutTest, LosesInterestInAChannelOnceNobodyListens) {
  join("ann", "news");
  join("bob", "news");
  leave("ann", "news");
  turn();
  publish("news");
  EXPECT_TRUE(inbox().has_work());
  turn();
  leave("bob", "news");
  turn();
  publish("news");
  EXPECT_FALSE(inbox().has_work());
  join("ann", "news");
  publish("news");
  turn();
  EXPECT_EQ(received("ann"), "news:3");
}

TEST_F(FanoutTest, LosesInterestInAPatternOnceNobodyListens) {
  publish("market/seen");
  join("ann", "market/*");
  publish("market/seen");
  turn();
  leave("ann", "market/*");
  turn();
  publish("market/seen");
  publish("market/new");
  EXPECT_FALSE(inbox().has_work());
}

// Nothing had come of the channel while the pattern was there, so the shard did
// not know that it was interested.
TEST_F(FanoutTest, LosesInterestInAChannelThatItHadNotHeardOf) {
  publish("market/quiet");
  join("ann", "market/*");
  leave("ann", "market/*");
  turn();
  publish("market/quiet");
  turn();
  publish("market/quiet");
  EXPECT_FALSE(inbox().has_work());
}

TEST_F(FanoutTest, KeepsInterestWhereANameOrAnotherPatternRemains) {
  join("ann", "market/AAPL");
  join("bob", "market/*");
  join("cleo", "**");
  publish("market/AAPL");
  turn();
  leave("bob", "market/*");
  turn();
  publish("market/AAPL");
  turn();
  leave("cleo", "**");
  turn();
  publish("market/AAPL");
  turn();
  EXPECT_EQ(received("ann"), "market/AAPL:1 market/AAPL:2 market/AAPL:3");
  EXPECT_EQ(received("bob"), "market/AAPL:1");
  EXPECT_EQ(received("cleo"), "market/AAPL:1 market/AAPL:2");
}

TEST_F(FanoutTest, KeepsAPatternThatSomebodyTakesUpAgainInTheSameTurn) {
  join("ann", "market/*");
  leave("ann", "market/*");
  join("bob", "market/*");
  turn();
  publish("market/AAPL");
  turn();
  EXPECT_EQ(received("bob"), "market/AAPL:1");
}

TEST_F(FanoutTest, TakesNothingThatAnotherShardListensTo) {
  hub().find_or_create("news")->show_interest(1);
  publish("news");
  EXPECT_FALSE(inbox().has_work());
  EXPECT_TRUE(other_inbox().has_work());
}

// --- wire forms ----------------------------------------------------------

const std::string kLongData = R"({"text":")" + std::string(300, 'x') + R"("})";

TEST_F(FanoutTest, CompressesAnEventOnceForAllWhoWantItSo) {
  who("ann", WireForm::kDeflated);
  who("bob", WireForm::kDeflated);
  for (const std::string name : {"ann", "bob", "cleo"}) join(name, "news");
  publish("news", "trade", kLongData);
  turn();
  EXPECT_EQ(who("ann").compressed(), 1U);
  EXPECT_EQ(who("cleo").compressed(), 0U);
  EXPECT_EQ(who("ann").runs().front(), who("bob").runs().front());
  EXPECT_LT(who("ann").runs().front()->size(), who("cleo").runs().front()->size());
  EXPECT_EQ(who("ann").texts(), who("cleo").texts());
}

TEST_F(FanoutTest, SendsThePlainFormOfWhatDoesNotGetSmaller) {
  who("ann", WireForm::kDeflated);
  join("ann", "a");
  std::mt19937 random(1);
  std::string noise;
  for (int i = 0; i < 100; ++i) noise += std::to_string(random());
  publish("a", "t", "1");
  publish("a", "t", noise);
  turn();
  EXPECT_EQ(received("ann"), "a:1 a:2");
  const std::size_t text_bytes = who("ann").texts()[0].size() + who("ann").texts()[1].size();
  EXPECT_LE(who("ann").runs().front()->size(), text_bytes + 8);
}

TEST_F(FanoutTest, SkipsWhatASubscriberHasReadAlreadyAndDeliversWhatFollows) {
  join("ann", "a");
  join("bob", "a");
  const Channel& channel = *hub().find("a");
  publish("a");
  publish("a");
  fanout().skip(who("ann"), channel, inbox().pushed());
  publish("a");
  turn();
  EXPECT_EQ(received("ann"), "a:3");
  EXPECT_EQ(received("bob"), "a:1 a:2 a:3");
}

// AddressSanitizer sees it where it goes wrong.
TEST_F(FanoutTest, RefersToNoSubscriberThatIsForgotten) {
  join("ann", "a");
  const Channel& channel = *hub().find("a");
  auto gone = std::make_unique<Recorder>();
  const auto leave_early = [&] {
    fanout().hold(*gone, channel);
    fanout().release(*gone, channel, 0);
  };
  leave_early();
  fanout().skip(who("ann"), channel, inbox().pushed() + 2);
  leave_early();
  turn();
  fanout().forget(*gone);
  gone.reset();
  for (int i = 0; i < 3; ++i) publish("a");
  turn();
  EXPECT_EQ(received("ann"), "a:3");
}

// A connection may end in the middle of a command that goes on to subscribe.
TEST_F(FanoutTest, HoldsNothingForTheForgotten) {
  join("ann", "a");
  const Channel& channel = *hub().find("a");
  auto gone = std::make_unique<Recorder>();
  fanout().forget(*gone);
  publish("a");
  fanout().skip(*gone, channel, inbox().pushed());
  fanout().hold(*gone, channel);
  EXPECT_FALSE(fanout().holds(*gone, channel));
  gone.reset();
  turn();
  EXPECT_EQ(received("ann"), "a:1");
}

TEST_F(FanoutTest, DeliversTheSameEventsInEveryForm) {
  const std::array forms{WireForm::kPlain, WireForm::kDeflated, WireForm::kOwn};
  for (std::size_t form = 0; form < forms.size(); ++form) {
    who(fmt::format("one{}", form), forms[form]);
    who(fmt::format("merged{}", form), forms[form]);
    who(fmt::format("picked{}", form), forms[form]);
    join(fmt::format("one{}", form), "a");
    join(fmt::format("merged{}", form), "a");
    join(fmt::format("merged{}", form), "b");
    join(fmt::format("picked{}", form), "a", TypeFilter::only({"alert"}));
    join(fmt::format("picked{}", form), "b");
  }
  publish("a", "alert", kLongData);
  publish("b", "trade", "1");
  publish("a", "trade", "2");
  publish("b", "trade", kLongData);
  turn();
  for (std::size_t form = 0; form < forms.size(); ++form) {
    EXPECT_EQ(received(fmt::format("one{}", form)), "a:1 a:2");
    EXPECT_EQ(received(fmt::format("merged{}", form)), "a:1 b:1 a:2 b:2");
    EXPECT_EQ(received(fmt::format("picked{}", form)), "a:1 b:1 b:2");
    EXPECT_EQ(who(fmt::format("merged{}", form)).texts(), who("merged0").texts());
  }
}

}  // namespace
}  // namespace wskit::server
