#include "wstap/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "common/cli/local_time.h"
#include "common/cli/tool.h"

namespace wskit::tap {
namespace {

using protocol::Position;
using protocol::SystemMicros;
using std::chrono::minutes;
using ::testing::HasSubstr;

constexpr SystemMicros kNow{std::chrono::seconds{1795168800}};

class PlanTest : public ::testing::Test {
 protected:
  PlanTest() { options_.channels = {"a"}; }

  TapPlan plan() { return make_plan(options_, Format::kJson, kNow); }
  // What the user is told; empty: the options are fine.
  std::string refusal() {
    try {
      plan();
      return {};
    } catch (const cli::UsageError& error) {
      return error.what();
    }
  }

  TapOptions options_;
};

TEST_F(PlanTest, BeginsNowAndHasNoEndUnlessTold) {
  const TapPlan plan = this->plan();
  EXPECT_TRUE(std::holds_alternative<protocol::FromNow>(plan.subscriber.from));
  EXPECT_FALSE(plan.subscriber.until);
  EXPECT_FALSE(plan.subscriber.pace);
  EXPECT_FALSE(plan.cursor);
}

TEST_F(PlanTest, ReadsPositions) {
  options_.from = "5qkp2sk9:42";
  options_.until = "50";
  EXPECT_EQ(plan().subscriber.from, protocol::Since(Position{.offset = 42, .epoch = "5qkp2sk9"}));
  EXPECT_EQ(std::get<Position>(*plan().subscriber.until), (Position{.offset = 50, .epoch = {}}));
  options_.from = "-10m";
  options_.until = "-5m";
  EXPECT_EQ(plan().subscriber.from, protocol::Since(SystemMicros(kNow - minutes{10})));
  EXPECT_EQ(std::get<SystemMicros>(*plan().subscriber.until), kNow - minutes{5});
}

// S7: there it would be read as absent.
TEST_F(PlanTest, APositionOrTypesInTheAddressAreRefusedWithTheOption) {
  options_.connect.url = "ws://h/ws/a?x=1&since=start";
  EXPECT_THAT(refusal(), HasSubstr("--from"));
  options_.connect.url = "ws://h/ws?events=trade";
  EXPECT_THAT(refusal(), HasSubstr("--event"));
  options_.connect.url = "ws://h/api/live?symbols=A,B&sinces=1&max_rate=5";
  EXPECT_EQ(refusal(), "");
}

// F3: a time without a zone is of this machine's, and never an epoch.
TEST_F(PlanTest, ATimeOfDayIsTodaysAndIsTold) {
  for (const char* text : {"09:30", "2026-11-20T09:30:00", "2026-11-20 09:30", "2026-11-20", "yesterday"}) {
    options_.from = text;
    const TapPlan plan = this->plan();
    const auto* time = std::get_if<SystemMicros>(&plan.subscriber.from);
    ASSERT_NE(time, nullptr) << text;
    EXPECT_EQ(*time, cli::parse_local_time(text, kNow).value()) << text;
    EXPECT_THAT(plan.told_range, HasSubstr(" from " + cli::format_local_time(*time))) << text;
  }
  options_.from = "start";
  options_.until = "17:00";
  EXPECT_EQ(std::get<SystemMicros>(*plan().subscriber.until), cli::parse_local_time("17:00", kNow).value());
  EXPECT_THAT(plan().told_range, HasSubstr(" until "));
  options_.from = "2026-11-20T09:30:00Z";
  options_.until = {};
  EXPECT_EQ(plan().told_range, "") << "nothing was to be guessed";
  options_.from = "25:00";
  EXPECT_THAT(refusal(), HasSubstr("--from: '25:00' has no time of day that there is"));
}

TEST_F(PlanTest, TheEndIsTheNewestEvent) {
  options_.from = "start";
  options_.end = true;
  EXPECT_TRUE(std::holds_alternative<UntilNewest>(*plan().subscriber.until));
  options_.end = false;
  options_.until = "now";
  EXPECT_TRUE(std::holds_alternative<UntilNewest>(*plan().subscriber.until));
}

TEST_F(PlanTest, ARangeThatEndsBeforeItBeginsIsRefused) {
  options_.from = "-5m";
  options_.until = "-10m";
  EXPECT_THAT(refusal(), HasSubstr("ends before --from begins"));
  options_.from = "2026-11-20T10:00:00Z";
  options_.until = "2026-11-20T09:00:00Z";
  EXPECT_THAT(refusal(), HasSubstr("ends before --from begins"));
  options_.from = "e:7";
  options_.until = "e:7";
  EXPECT_THAT(refusal(), HasSubstr("ends before --from begins"));
}

TEST_F(PlanTest, WhatWasReceivedLatelyMayHaveOldTimes) {
  options_.from = "-1h";
  options_.until = "2020-01-01T10:00:00Z";
  EXPECT_EQ(refusal(), "");
}

TEST_F(PlanTest, AnOffsetOfAnotherEpochCannotBeCompared) {
  options_.from = "old:7";
  options_.until = "new:3";
  EXPECT_EQ(refusal(), "");
}

TEST_F(PlanTest, WhereEveryOffsetCountsTheServerDoesNotFilter) {
  options_.event_types = {"trade"};
  EXPECT_TRUE(plan().subscriber.selection.server_filters());
  options_.verify = true;
  EXPECT_FALSE(plan().subscriber.selection.server_filters());
  options_.verify = false;
  options_.from = "start";
  options_.end = true;
  EXPECT_FALSE(plan().subscriber.selection.server_filters());
}

TEST_F(PlanTest, APaceNeedsAPast) {
  options_.speed = 60;
  EXPECT_THAT(refusal(), HasSubstr("--from -1h"));
  options_.from = "-1h";
  options_.max_gap = std::chrono::seconds{1};
  const TapPlan plan = this->plan();
  EXPECT_EQ(plan.subscriber.pace->speed, 60);
  EXPECT_EQ(plan.subscriber.pace->max_gap, std::chrono::seconds{1});
}

TEST_F(PlanTest, AFilterForADayToComeIsNoMistake) {
  options_.until = "2030-01-01T00:00:00Z";
  EXPECT_EQ(refusal(), "");
}

}  // namespace
}  // namespace wskit::tap
