#include "wsserve/cluster/bus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <concepts>

namespace wskit::server::cluster {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Values: a copy equals its original.
static_assert(std::regular<Order> && std::regular<Question> && std::regular<Answers>);

TEST(BusTest, JoinedAnswersHaveTheEntriesInTheOrderOfTheMembers) {
  const Answer whole = joined({.by_member = {{.entries = {"1", "2"}, .count = 5},
                                             {.entries = {}, .count = 0},
                                             {.entries = {"3"}, .count = 1}}});
  EXPECT_THAT(whole.entries, ElementsAre("1", "2", "3"));
  EXPECT_EQ(whole.count, 6U);
  EXPECT_THAT(whole.subscriptions, IsEmpty());
}

TEST(BusTest, JoinedAnswersSumTheSubscriptionsOfEachChannel) {
  const Answer whole = joined({.by_member = {{.entries = {}, .subscriptions = {1, 0, 2}},
                                             {.entries = {}, .subscriptions = {}},  // it failed
                                             {.entries = {}, .subscriptions = {10, 20, 30}}},
                               .failed = 1});
  EXPECT_THAT(whole.subscriptions, ElementsAre(11, 20, 32));
}

TEST(BusTest, NoAnswersJoinToAnEmptyOne) { EXPECT_EQ(joined({}), Answer{}); }

TEST(BusTest, AQuestionOutlivesWhatItWasMadeOf) {
  Question question;
  {
    const std::string channel = "a/channel/whose/name/is/too/long/to/lie/within/a/string";
    question = ListPresent{.channel = channel, .limit = 7};
  }
  EXPECT_EQ(question, Question(ListPresent{
                          .channel = "a/channel/whose/name/is/too/long/to/lie/within/a/string", .limit = 7}));
  EXPECT_NE(question, Question(ListPresent{.channel = "another", .limit = 7}));
}

}  // namespace
}  // namespace wskit::server::cluster
