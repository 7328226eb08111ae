// What the server refuses, for good or for now: which lines go out again, which are set
// aside, and what the summary tells of them.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "delivery_fixture.h"
#include "wspub/delivery.h"

namespace wskit::pub {
namespace {

using protocol::ErrorCode;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Kind = Verdict::Kind;

TEST_F(DeliveryTest, ARefusedLineStopsTheRunAndIsNamed) {
  input(lines(5));
  server_.judge = refusing("\"n\":3", ErrorCode::kForbidden, true);
  finish();
  EXPECT_EQ(exit_code(), 4);
  EXPECT_THAT(notices(), HasSubstr("line 3: refused by the server: not here (FORBIDDEN)"));
  EXPECT_EQ(totals().refused, 1U);
  expect_settled();
}

TEST_F(DeliveryTest, RefusedLinesCanBeSkipped) {
  options_.on_invalid = "skip";
  input(lines(2000));
  server_.judge = refusing("00}", ErrorCode::kBadEvent, true);
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(totals().skipped, 20U);
  EXPECT_EQ(totals().acknowledged, 1980U);
  EXPECT_THAT(server_.events("c/0"), SizeIs(1980));
  expect_settled();
}

TEST_F(DeliveryTest, ARefusedBatchWithoutThePlaceIsTakenApart) {
  options_.on_invalid = "skip";
  input(lines(2000));
  server_.judge = refusing("00}", ErrorCode::kInternal, false);
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(totals().skipped, 20U);
  EXPECT_EQ(totals().acknowledged, 1980U);
  EXPECT_THAT(server_.events("c/0"), SizeIs(1980));
}

TEST_F(DeliveryTest, RefusedLinesAreSetAsideAsTheyWereRead) {
  options_.on_invalid = "dlq=" + scratch_file("dlq");
  input(lines(3) + "{\"c\" : 0, \"n\":\"bad\" }\n" + "no json\n" + "{\"c\":0}\n");
  server_.judge = refusing("bad", ErrorCode::kForbidden, true);
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(totals().skipped, 2U);
  EXPECT_EQ(totals().acknowledged, 4U);
  const std::string set_aside = read_file(scratch_file("dlq"));
  EXPECT_THAT(set_aside, HasSubstr("{\"c\" : 0, \"n\":\"bad\" }\n"));
  EXPECT_THAT(set_aside, HasSubstr("no json\n"));
  EXPECT_EQ(std::count(set_aside.begin(), set_aside.end(), '\n'), 2);
}

TEST_F(DeliveryTest, AChannelThatIsRefusedDoesNotDisturbTheOrderOfOthers) {
  options_.on_invalid = "skip";
  input(lines(5000, 3));
  server_.judge = refusing("\"c\":1", ErrorCode::kForbidden, true);
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(server_.events("c/0"), expected(5000, 3, 0));
  EXPECT_EQ(server_.events("c/2"), expected(5000, 3, 2));
  EXPECT_THAT(server_.events("c/1"), SizeIs(0));
}

// --- not now ---

// Refuses all for `refusals` commands from command `from` on: with more than
// kOnTheirWay of them the attempts after the first refusal meet it too.
class DeliveryWhileNothingIsTaken : public DeliveryTest {
 protected:
  static constexpr std::size_t kOnTheirWay = 16;
  DeliveryWhileNothingIsTaken() { options_.window = kOnTheirWay; }

  void refuse_for_now(ErrorCode code, std::size_t from, std::size_t refusals, std::string details = "") {
    server_.judge = [=, this](const protocol::Command&) {
      const std::size_t command = server_.commands().size();
      if (command < from || command >= from + refusals) return Verdict{};
      return Verdict{Kind::kRefuse, {code, "the disk is full", details}};
    };
  }
};

TEST_F(DeliveryWhileNothingIsTaken, WhatWasRefusedGoesOutAgainInOrder) {
  input(lines(3000));
  refuse_for_now(ErrorCode::kUnavailable, 20, kOnTheirWay + 10);
  finish();
  EXPECT_EQ(exit_code(), 0) << notices();
  EXPECT_EQ(totals().acknowledged, 3000U);
  EXPECT_EQ(server_.events("c/0"), expected(3000));
  EXPECT_THAT(notices(), HasSubstr("the server cannot take events now: the disk is full (UNAVAILABLE)"));
  EXPECT_THAT(notices(), HasSubstr("the server takes events again"));
  expect_settled();
}

TEST_F(DeliveryWhileNothingIsTaken, OneNoticeIsEnough) {
  input(lines(1000));
  refuse_for_now(ErrorCode::kUnavailable, 5, 30);
  finish();
  const std::string said = notices();
  const std::size_t first = said.find("cannot take events now");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(said.find("cannot take events now", first + 1), std::string::npos) << said;
}

TEST_F(DeliveryWhileNothingIsTaken, OnlyOneCommandAsksWhetherTheServerTakesEventsAgain) {
  input(lines(3000));
  refuse_for_now(ErrorCode::kUnavailable, 20, kOnTheirWay + 10);
  finish();
  const auto& commands = server_.commands();
  const std::vector<std::string> attempts(commands.begin() + 20 + kOnTheirWay,
                                          commands.begin() + 20 + kOnTheirWay + 9);
  EXPECT_THAT(attempts, Each(attempts.front()));
}

TEST_F(DeliveryWhileNothingIsTaken, ARateLimitIsWaitedForAsLongAsTheServerAsks) {
  input(lines(1000));
  refuse_for_now(ErrorCode::kRateLimited, 3, kOnTheirWay + 4, R"({"retry_after":0.001})");
  finish();
  EXPECT_EQ(exit_code(), 0) << notices();
  EXPECT_EQ(server_.events("c/0"), expected(1000));
}

TEST_F(DeliveryWhileNothingIsTaken, TheRetriesAreCountedAndTheLinesAreNotPublished) {
  options_.connect.retries = 3;
  input(lines(100));
  refuse_for_now(ErrorCode::kUnavailable, 1, 1000000);
  finish();
  EXPECT_EQ(exit_code(), 7);
  EXPECT_THAT(notices(), HasSubstr("the server took no event in 4 attempts: the disk is full (UNAVAILABLE)"));
  EXPECT_EQ(totals().acknowledged, 0U);
  EXPECT_EQ(totals().unacknowledged, 0U) << "each was refused";
  EXPECT_EQ(totals().dropped, kOnTheirWay);
  EXPECT_EQ(server_.total_events(), 0U);
  expect_settled();
}

TEST_F(DeliveryWhileNothingIsTaken, WithoutReconnectingThereIsNoSecondAttempt) {
  options_.connect.reconnect = false;
  input(lines(10));
  refuse_for_now(ErrorCode::kUnavailable, 1, 1000000);
  finish();
  EXPECT_EQ(exit_code(), 7);
  EXPECT_THAT(notices(), HasSubstr("took no event in 1 attempt:"));
}

TEST_F(DeliveryWhileNothingIsTaken, AConnectionLostMeanwhileChangesNothing) {
  input(lines(2000));
  server_.judge = [this](const protocol::Command&) {
    const std::size_t command = server_.commands().size();
    if (command == 40) return Verdict{Kind::kCutBefore};
    if (command < 20 || command > 40 + kOnTheirWay + 4) return Verdict{};
    return Verdict{Kind::kRefuse, {ErrorCode::kUnavailable, "the disk is full", ""}};
  };
  finish();
  EXPECT_EQ(exit_code(), 0) << notices();
  EXPECT_EQ(server_.events("c/0"), expected(2000));
}

TEST_F(DeliveryWhileNothingIsTaken, AServerThatChangesItsMindOnTheWayIsTold) {
  input(lines(3000));
  refuse_for_now(ErrorCode::kUnavailable, 5, 1);  // and takes what is behind it
  finish();
  EXPECT_EQ(exit_code(), 0) << notices();
  EXPECT_EQ(server_.total_events(), 3000U);
  EXPECT_THAT(notices(), HasSubstr("was published before lines that the server had refused for a moment"));
}

TEST_F(DeliveryTest, WhoMayNotPublishAtAllIsTold) {
  input(lines(5));
  server_.judge = refusing("", ErrorCode::kUnauthorized, false);
  finish();
  EXPECT_EQ(exit_code(), 4);
  EXPECT_THAT(notices(), HasSubstr("give a token with --token-file"));
  expect_settled();
}

TEST_F(DeliveryTest, ALineThatTheServerCannotTakeIsNotSent) {
  server_.max_message_bytes = 300;
  options_.on_invalid = "skip";
  lines(0);
  type("{\"c\":0,\"n\":1}\n");
  start();
  ASSERT_TRUE(until([this] { return totals().acknowledged == 1; }));
  for (const int size : {10, 100, 190, 230, 400}) {
    type(fmt::format("{{\"c\":0,\"n\":\"{}\"}}\n", std::string(static_cast<std::size_t>(size), 'x')));
  }
  end_input();
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_THAT(notices(), HasSubstr("the server takes 300 at most"));
  for (const std::string& command : server_.commands()) EXPECT_LE(command.size(), 300U);
  EXPECT_EQ(totals().acknowledged + totals().skipped, 6U);
  EXPECT_GE(totals().skipped, 2U);
}

TEST_F(DeliveryTest, TheFirstLineIsMeasuredToo) {
  server_.max_message_bytes = 300;
  lines(0);
  input(fmt::format("{{\"c\":0,\"n\":\"{}\"}}\n", std::string(400, 'x')));
  finish();
  EXPECT_EQ(exit_code(), 8);
  EXPECT_THAT(notices(), HasSubstr("line 1: as a command it has"));
  EXPECT_THAT(server_.commands(), SizeIs(0));
  expect_settled();
}

}  // namespace
}  // namespace wskit::pub
