#include "common/client/retry_plan.h"

#include <gtest/gtest.h>

namespace wskit::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

class RetryPlanTest : public ::testing::Test {
 protected:
  RetryPlanTest() { policy_.backoff = {.first = seconds{1}, .cap = seconds{60}}; }

  static ConnectFailure lost() { return connect_failure(FailureKind::kLost, "lost", Lasting::kNo); }

  ReconnectPolicy policy_;
  RetryPlan::Time now_{};
};

TEST_F(RetryPlanTest, GivesUpAtOnceWhereTheFirstConnectionCannotBeMade) {
  RetryPlan plan(policy_, 1);
  EXPECT_FALSE(plan.failed(lost(), now_));
}

TEST_F(RetryPlanTest, TriesTheFirstConnectionAgainWhenAsked) {
  policy_.initial = true;
  RetryPlan plan(policy_, 1);
  EXPECT_TRUE(plan.failed(lost(), now_));
}

TEST_F(RetryPlanTest, ComesBackAfterALoss) {
  RetryPlan plan(policy_, 1);
  plan.opened(now_);
  const auto wait = plan.failed(lost(), now_);
  ASSERT_TRUE(wait);
  EXPECT_LE(*wait, seconds{1});
}

TEST_F(RetryPlanTest, StaysAwayWhereReconnectingIsOff) {
  policy_.enabled = false;
  RetryPlan plan(policy_, 1);
  plan.opened(now_);
  EXPECT_FALSE(plan.failed(lost(), now_));
}

TEST_F(RetryPlanTest, NeverRepeatsWhatWillBeRefusedAgain) {
  policy_.initial = true;
  RetryPlan plan(policy_, 1);
  plan.opened(now_);
  EXPECT_FALSE(plan.failed(connect_failure(FailureKind::kRefused, "401", Lasting::kYes), now_));
}

TEST_F(RetryPlanTest, UsesUpItsRetriesInARow) {
  policy_.retries = 2;
  RetryPlan plan(policy_, 1);
  plan.opened(now_);
  EXPECT_TRUE(plan.failed(lost(), now_));
  EXPECT_TRUE(plan.failed(lost(), now_));
  EXPECT_FALSE(plan.failed(lost(), now_));
}

TEST_F(RetryPlanTest, NoRetriesMeansNone) {
  policy_.retries = 0;
  RetryPlan plan(policy_, 1);
  plan.opened(now_);
  EXPECT_FALSE(plan.failed(lost(), now_));
}

TEST_F(RetryPlanTest, AHealthyConnectionGivesAllRetriesBack) {
  policy_.retries = 1;
  RetryPlan plan(policy_, 1);
  plan.opened(now_);
  EXPECT_TRUE(plan.failed(lost(), now_));
  plan.opened(now_);
  EXPECT_TRUE(plan.failed(lost(), now_ + policy_.healthy_after));
}

TEST_F(RetryPlanTest, AConnectionThatEndsSoonGivesNoneBack) {
  policy_.retries = 1;
  RetryPlan plan(policy_, 1);
  plan.opened(now_);
  EXPECT_TRUE(plan.failed(lost(), now_));
  plan.opened(now_);
  EXPECT_FALSE(plan.failed(lost(), now_ + policy_.healthy_after - nanoseconds{1}));
}

TEST_F(RetryPlanTest, GivesUpWhenTheServerWasAwayTooLong) {
  policy_.max_time = seconds{30};
  RetryPlan plan(policy_, 1);
  plan.opened(now_);
  EXPECT_TRUE(plan.failed(lost(), now_));
  EXPECT_TRUE(plan.failed(lost(), now_ + seconds{29}));
  EXPECT_FALSE(plan.failed(lost(), now_ + seconds{30}));
}

TEST_F(RetryPlanTest, WaitsNoLongerThanTheTimeThatIsLeft) {
  policy_.backoff = {.first = seconds{1000}, .cap = seconds{1000}};
  policy_.max_time = seconds{30};
  RetryPlan plan(policy_, 1);
  plan.opened(now_);
  const auto wait = plan.failed(lost(), now_);
  ASSERT_TRUE(wait);
  EXPECT_LE(*wait, seconds{30});
}

TEST_F(RetryPlanTest, TheServersWordOutweighsTheBackoff) {
  RetryPlan plan(policy_, 1);
  plan.opened(now_);
  ConnectFailure leaving = lost();
  leaving.retry_after = milliseconds{7654};
  EXPECT_EQ(plan.failed(leaving, now_), milliseconds{7654});
  leaving.retry_after = std::chrono::hours{10};
  EXPECT_EQ(plan.failed(leaving, now_), std::chrono::minutes{5});
}

// F16: a server that sends everybody away with 0 ms does not get them back at once for ever.
TEST_F(RetryPlanTest, TheServersWordAgainWithoutProgressGetsTheBackoffOnTop) {
  RetryPlan plan(policy_, 1);
  ConnectFailure leaving = lost();
  leaving.retry_after = nanoseconds::zero();
  plan.opened(now_);
  EXPECT_EQ(plan.failed(leaving, now_), nanoseconds::zero());
  nanoseconds waited{0};
  for (int i = 0; i < 10; ++i) {
    plan.opened(now_);
    waited += plan.failed(leaving, now_).value();
  }
  EXPECT_GT(waited, seconds{5}) << "ten times up to 2, 4, ... 60 s";
  plan.opened(now_);
  plan.progressed();
  EXPECT_EQ(plan.failed(leaving, now_), nanoseconds::zero()) << "an event came";
  plan.opened(now_);
  EXPECT_GT(plan.failed(leaving, now_).value(), nanoseconds::zero());
  plan.opened(now_);
  EXPECT_EQ(plan.failed(leaving, now_ + policy_.healthy_after), nanoseconds::zero());
}

// F21: while a deployment is in progress, a proxy says 404.
TEST_F(RetryPlanTest, APassingRefusalIsTriedAgainForAWhile) {
  ConnectFailure missing = connect_failure(FailureKind::kRefused, "404", Lasting::kYes);
  missing.passing = true;
  policy_.initial = true;
  RetryPlan plan(policy_, 1);
  EXPECT_FALSE(plan.failed(missing, now_)) << "nothing was ever there";
  plan.opened(now_);
  EXPECT_TRUE(plan.failed(missing, now_));
  EXPECT_TRUE(plan.failed(missing, now_ + seconds{119}));
  EXPECT_FALSE(plan.failed(missing, now_ + seconds{120}));
  plan.opened(now_ + seconds{500});
  EXPECT_TRUE(plan.failed(missing, now_ + seconds{600}));
  EXPECT_FALSE(
      plan.failed(connect_failure(FailureKind::kRefused, "403", Lasting::kYes), now_ + seconds{601}));
}

TEST(ReconnectHint, IsReadOutOfTheReason) {
  EXPECT_EQ(reconnect_hint("reconnect after 1234 ms"), milliseconds{1234});
  EXPECT_EQ(reconnect_hint("reconnect after 0 ms"), milliseconds{0});
  EXPECT_EQ(reconnect_hint("reconnect after 4000000000 ms"), std::chrono::minutes{5});
  EXPECT_EQ(reconnect_hint("too many new connections; reconnect after 1500 ms"), milliseconds{1500});
}

TEST(ReconnectHint, IsNothingInAnyOtherText) {
  for (const char* text : {"", "reconnect", "reconnect after ms", "reconnect after  ms",
                           "reconnect after -1 ms", "reconnect after 1 s", "reconnect after 1 ms!",
                           "do not reconnect after 1 ms", "reconnect after 99999999999 ms"}) {
    EXPECT_FALSE(reconnect_hint(text)) << text;
  }
}

}  // namespace
}  // namespace wskit::client
