#include "wsserve/limits/traffic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace wskit::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

class TrafficTest : public testing::Test {
 protected:
  // "" or why not.
  std::string send(std::size_t events = 0) {
    const auto error = traffic_.take(limits_, user_, events, now_);
    return error ? error->details : "";
  }
  bool is_refused(std::size_t events = 0) { return !send(events).empty(); }

  LimitSettings limits_;
  Usage usage_;
  Usage* user_ = nullptr;
  Traffic traffic_;
  Clock::time_point now_ = Clock::now();
};

TEST_F(TrafficTest, SaysWhatLimitWasReachedAndHowLongItLasts) {
  limits_.commands = {.per_second = 2};
  EXPECT_EQ(send(), "");
  EXPECT_EQ(send(), "");
  EXPECT_EQ(send(), R"({"retry_after":0.5,"limit":2,"of":"commands","per":"connection"})");
}

TEST_F(TrafficTest, TakesNothingForARefusedCommand) {
  limits_.commands = {.per_second = 10};
  limits_.events = {.per_second = 1};
  EXPECT_EQ(send(5), "");
  for (int i = 0; i < 100; ++i) EXPECT_THAT(send(5), HasSubstr(R"("of":"events")"));
  for (int i = 0; i < 9; ++i) EXPECT_EQ(send(), "") << "commands are left";
  now_ += seconds{5};
  EXPECT_EQ(send(5), "") << "and refused events were not counted";
}

TEST_F(TrafficTest, CountsForTheUserToo) {
  limits_.commands_per_user = {.per_second = 3};
  user_ = &usage_;
  Traffic other;
  EXPECT_EQ(send(), "");
  EXPECT_FALSE(other.take(limits_, user_, 0, now_));
  EXPECT_EQ(send(), "");
  EXPECT_THAT(send(), HasSubstr(R"("per":"user")"));
  user_ = nullptr;
  EXPECT_EQ(send(), "") << "an anonymous one has no user to share with";
}

TEST_F(TrafficTest, CountsRequestsForTheirAddress) {
  limits_.events = {.per_second = 0.5};
  EXPECT_FALSE(take_request(limits_, usage_, nullptr, 1, now_));
  const auto error = take_request(limits_, usage_, nullptr, 1, now_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->details, R"({"retry_after":2,"limit":0.5,"of":"events","per":"address"})");
  EXPECT_EQ(error->message, "an address may send 0.5 events a second; wait 2 s and send this again");
}

TEST_F(TrafficTest, NamesTheLimitThatLastsLongest) {
  limits_.commands = {.per_second = 1};
  limits_.events_per_user = {.per_second = 0.1};
  user_ = &usage_;
  EXPECT_EQ(send(1), "");
  EXPECT_EQ(send(1), R"({"retry_after":10,"limit":0.1,"of":"events","per":"user"})");
}

TEST_F(TrafficTest, AsksForNoWaitThatTimersCannotKeep) {
  limits_.commands = {.per_second = 1e6};
  while (!is_refused()) {
  }
  EXPECT_THAT(send(), HasSubstr(R"({"retry_after":0.1,)"));
}

TEST_F(TrafficTest, ToleratesWhoeverWaitsAsTold) {
  limits_.commands = {.per_second = 1};
  limits_.patience = seconds{10};
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(send(), "");
    EXPECT_TRUE(is_refused());
    EXPECT_FALSE(traffic_.insists(limits_));
    now_ += seconds{1};
  }
}

TEST_F(TrafficTest, ToleratesWhatWasOnItsWay) {
  limits_.commands = {.per_second = 1};
  limits_.patience = seconds{10};
  (void)send();
  for (int i = 0; i < 100'000; ++i) EXPECT_TRUE(is_refused());
  EXPECT_FALSE(traffic_.insists(limits_));
}

TEST_F(TrafficTest, IsTiredOfWhoeverGoesOn) {
  limits_.commands = {.per_second = 100};
  limits_.patience = seconds{10};
  const auto began = now_;
  // Ten times as fast as it may: of ten commands one passes.
  while (!is_refused()) now_ += milliseconds{1};
  while (!(is_refused() && traffic_.insists(limits_))) {
    ASSERT_LT(now_ - began, seconds{12});
    now_ += milliseconds{1};
  }
  EXPECT_GE(now_ - began, seconds{10});
}

}  // namespace
}  // namespace wskit::server
