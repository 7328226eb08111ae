// A run as its user sees it: what comes out, what is said, how it ends.

#include "wspub/publisher.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "publisher_fixture.h"

namespace wskit::pub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Kind = Verdict::Kind;

class PublisherTest : public PublisherFixture {};

TEST_F(PublisherTest, AMirrorReproducesEveryEventByteForByte) {
  input(
      R"({"type":"trade","channel":"a/x","offset":7,"timestamp":"2026-11-20T10:00:00.123456Z","data":{"b":1,"a":12345678901234567890,"f":1.10,"e":"\u00e9\/"}})"
      "\n"
      R"({"type":"quote","channel":"a/y","offset":1,"timestamp":"2026-11-20T10:00:01+02:00","key":"k\"","data":[ 1, 2 ]})"
      "\n");
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_THAT(
      server_.events("a/x"),
      ElementsAre(
          R"({"type":"trade","timestamp":"2026-11-20T10:00:00.123456Z","data":{"b":1,"a":12345678901234567890,"f":1.10,"e":"\u00e9\/"}})"));
  EXPECT_THAT(
      server_.events("a/y"),
      ElementsAre(R"({"type":"quote","timestamp":"2026-11-20T10:00:01+02:00","key":"k\"","data":[ 1, 2 ]})"));
}

TEST_F(PublisherTest, MessagesOfTheCommandLineArePublished) {
  options_.first_operand = "c";
  options_.type = "trade";
  options_.messages = {"{\"price\":150.25}", "7"};
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_THAT(server_.events("c"),
              ElementsAre(R"({"type":"trade","data":{"price":150.25}})", R"({"type":"trade","data":7})"));
}

TEST_F(PublisherTest, AnInvalidLineStopsTheRunAfterTheLinesBeforeIt) {
  options_.first_operand = "c";
  input("1\n\n2\n{\"a\":}\n3\n");
  finish();
  EXPECT_EQ(exit_code(), 8);
  EXPECT_THAT(notices(), HasSubstr("wspub: line 4, column 6: not JSON: a value is expected here"));
  EXPECT_THAT(server_.events("c"), SizeIs(2));
  EXPECT_EQ(totals().read, 3U);
  EXPECT_EQ(totals().acknowledged, 2U);
  EXPECT_EQ(totals().refused, 1U);
}

TEST_F(PublisherTest, InvalidLinesCanBeSkippedAndAreCounted) {
  options_.first_operand = "c/{s}";
  options_.on_invalid = "skip";
  input("{\"s\":1}\n{\"t\":1}\nx\n{\"s\":\"a b\"}\n{\"s\":2}\n");
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(totals().skipped, 3U);
  EXPECT_EQ(totals().acknowledged, 2U);
  EXPECT_THAT(notices(), HasSubstr("line 2: no field .s (skipped"));
}

TEST_F(PublisherTest, ALineThatIsTooLongIsSetAsideWhole) {
  options_.first_operand = "c";
  options_.max_line = 1000;
  options_.on_invalid = "dlq=" + scratch_file("dlq");
  const std::string too_long = "\"" + std::string(1000000, 'x') + "\"";
  input("1\n" + too_long + "\n2\n");
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(read_file(scratch_file("dlq")), too_long + "\n");
  EXPECT_THAT(notices(), HasSubstr("line 2, column 1001: longer than 1000 bytes (--max-line)"));
  EXPECT_THAT(server_.events("c"), SizeIs(2));
}

// F1: of what is set aside each line is one record again, and no more than that.
TEST_F(PublisherTest, ADocumentThatIsSetAsideIsOneLine) {
  options_.whole = true;
  options_.on_invalid = "dlq=" + scratch_file("dlq");
  input("{\"x\":\n{\"channel\":\"market/AAPL\",\"data\":{\"price\":0.01}}\r\n}\n");
  finish();
  EXPECT_EQ(exit_code(), 0) << notices();
  EXPECT_EQ(read_file(scratch_file("dlq")),
            "{\"x\": {\"channel\":\"market/AAPL\",\"data\":{\"price\":0.01}}  } \n");
}

TEST_F(PublisherTest, ADeadLetterFileThatCannotBeOpenedEndsTheRunAtOnce) {
  options_.first_operand = "c";
  options_.on_invalid = "dlq=/nonexistent/dlq";
  input("1\n");
  finish();
  EXPECT_EQ(exit_code(), 8);
  EXPECT_EQ(server_.total_events(), 0U);
  EXPECT_THAT(notices(), HasSubstr("cannot open /nonexistent/dlq"));
}

TEST_F(PublisherTest, AMissingFileEndsTheRunWithItsName) {
  options_.first_operand = "c";
  options_.files = {"/nonexistent/lines"};
  finish();
  EXPECT_EQ(exit_code(), 8);
  EXPECT_THAT(notices(), HasSubstr("cannot open /nonexistent/lines"));
}

TEST_F(PublisherTest, ReceiptsTellWhereEachLineWent) {
  options_.first_operand = "c/{s}";
  options_.receipts = true;
  input("{\"s\":1}\n\n{\"s\":2}\n{\"s\":1}\n");
  finish();
  EXPECT_EQ(output(),
            "{\"line\":1,\"channel\":\"c/1\",\"offset\":1,\"epoch\":\"e1\"}\n"
            "{\"line\":3,\"channel\":\"c/2\",\"offset\":1,\"epoch\":\"e1\"}\n"
            "{\"line\":4,\"channel\":\"c/1\",\"offset\":2,\"epoch\":\"e1\"}\n");
}

TEST_F(PublisherTest, TeeCopiesTheInputByteForByte) {
  options_.first_operand = "c";
  options_.tee = true;
  std::string text;
  for (int i = 0; i < 50000; ++i) text += fmt::format("{{\"n\": {} }}\n", i);
  text += "\n  7";
  input(text);
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(output(), text);
  EXPECT_EQ(server_.total_events(), 50001U);
}

// F1
TEST_F(PublisherTest, TheCopyOfADocumentIsOneLine) {
  options_.first_operand = "c";
  options_.whole = true;
  options_.tee = true;
  input("{\"x\":\n[1,\r\n2]\n}\n");
  finish();
  EXPECT_EQ(output(), "{\"x\": [1,  2] }\n");
  EXPECT_THAT(server_.events("c").front(), HasSubstr("\n[1,\r\n2]\n")) << "what is published stays as it is";
}

TEST_F(PublisherTest, ADryRunOfADocumentIsOneLine) {
  options_.first_operand = "c";
  options_.whole = true;
  options_.dry_run = true;
  input("{\"x\":\n[1,\r\n2]\n}\n");
  finish();
  EXPECT_THAT(output(), HasSubstr("\"data\":{\"x\": [1,  2] }}\n"));
}

TEST_F(PublisherTest, ADryRunPrintsWhatCouldBePublishedAsItIs) {
  options_.first_operand = "m/{s}";
  options_.dry_run = true;
  options_.on_invalid = "skip";
  options_.connect.url = "ws://127.0.0.1:1";
  input(
      "{\"s\":\"A\",\"p\": "
      "1.0}\nbad\n{\"type\":\"t\",\"timestamp\":\"2026-11-20T10:00:00Z\",\"data\":{\"s\":\"B\"}}\n");
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(
      output(),
      "{\"channel\":\"m/A\",\"type\":\"message\",\"data\":{\"s\":\"A\",\"p\": 1.0}}\n"
      "{\"channel\":\"m/B\",\"type\":\"t\",\"timestamp\":\"2026-11-20T10:00:00Z\",\"data\":{\"s\":\"B\"}}\n");
  EXPECT_THAT(notices(), HasSubstr("read 3, shown 2, skipped 1"));
}

TEST_F(PublisherTest, ASignalStopsReadingAndWaitsForTheAnswers) {
  options_.first_operand = "c";
  server_.judge = [](const protocol::Command&) { return Verdict{Kind::kAcceptInSilence}; };
  type("1\n2\n3\n");
  start();
  ASSERT_TRUE(until([this] { return server_.lines_received() == 3; }));
  publisher_->stop(SIGINT);
  server_.answer_now();
  finish();
  EXPECT_EQ(publisher_->outcome().signal, SIGINT);
  EXPECT_EQ(totals().acknowledged, 3U);
  EXPECT_EQ(server_.socket().last().close_code(), protocol::CloseCode::kNormal);
}

TEST_F(PublisherTest, AfterASignalAServerThatDoesNotAnswerIsNotWaitedForLong) {
  options_.first_operand = "c";
  options_.ack_timeout = std::chrono::milliseconds(50);
  server_.judge = [](const protocol::Command&) { return Verdict{Kind::kIgnore}; };
  type("1\n2\n");
  start();
  ASSERT_TRUE(until([this] { return server_.lines_received() == 2; }));
  publisher_->stop(SIGTERM);
  finish();
  EXPECT_EQ(publisher_->outcome().signal, SIGTERM);
  EXPECT_EQ(totals().unacknowledged, 2U);
}

TEST_F(PublisherTest, ASignalWhileTheServerIsAwayEndsTheRunAtOnce) {
  options_.first_operand = "c";
  type("1\n");
  start();
  ASSERT_TRUE(until([this] { return totals().acknowledged == 1; }));
  server_.socket().stop_listening();
  server_.socket().last().cut();
  ASSERT_TRUE(until([this] { return notices().find("trying again") != std::string::npos; }));
  type("2\n3\nunfinished");
  ASSERT_TRUE(until([this] { return totals().read == 3; }));
  publisher_->stop(SIGINT);
  finish();
  EXPECT_EQ(totals().read, 4U);
  EXPECT_EQ(totals().dropped, 3U) << notices();
}

TEST_F(PublisherTest, AServerThatTakesNothingForNowIsAwayToo) {
  options_.first_operand = "c";
  options_.window = 4;
  options_.queue = 5;
  options_.on_full = "drop-oldest";
  bool takes_nothing = true;
  server_.judge = [&](const protocol::Command&) {
    if (!takes_nothing) return Verdict{};
    return Verdict{Kind::kRefuse, {protocol::ErrorCode::kUnavailable, "the disk is full", ""}};
  };
  type("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n");
  start();
  ASSERT_TRUE(until([&] { return notices().find("the oldest are dropped") != std::string::npos; }));
  takes_nothing = false;
  end_input();
  finish();
  EXPECT_EQ(exit_code(), 7);
  EXPECT_EQ(totals().read, 12U);
  EXPECT_EQ(totals().acknowledged, 9U) << notices();
  EXPECT_EQ(totals().dropped, 3U);
}

// F6: what wspub says it keeps must outlive it.
TEST_F(PublisherTest, WhatWaitsInASpillFileIsInTheFileAndNotInMemory) {
  options_.first_operand = "c";
  options_.on_full = "spill=" + scratch_file("spill");
  bool takes_nothing = true;
  server_.judge = [&](const protocol::Command&) {
    if (!takes_nothing) return Verdict{};
    return Verdict{Kind::kRefuse, {protocol::ErrorCode::kUnavailable, "the disk is full", ""}};
  };
  type("1\n");
  start();
  ASSERT_TRUE(until([&] { return notices().find("cannot take events now") != std::string::npos; }));
  type("2\n{\"n\":\r3}\n4\n");
  ASSERT_TRUE(until([&] { return read_file(scratch_file("spill")).ends_with("4\n"); })) << notices();
  EXPECT_EQ(read_file(scratch_file("spill")), "2\n{\"n\": 3}\n4\n");
  takes_nothing = false;
  end_input();
  finish();
  EXPECT_EQ(exit_code(), 0) << notices();
  EXPECT_EQ(totals().acknowledged, 4U);
  EXPECT_EQ(read_file(scratch_file("spill")), "");
}

// S4: what was let go while the server was away would come in one instant.
TEST_F(PublisherTest, ThePaceIsThatOfWhatIsSent) {
  options_.first_operand = "c";
  options_.rate = 1000;
  bool takes_nothing = true;
  server_.judge = [&](const protocol::Command&) {
    if (!takes_nothing) return Verdict{};
    return Verdict{Kind::kRefuse, {protocol::ErrorCode::kUnavailable, "the disk is full", ""}};
  };
  std::string text;
  for (int i = 0; i < 200; ++i) text += std::to_string(i) + "\n";
  input(text);
  start();
  ASSERT_TRUE(until([&] { return notices().find("cannot take events now") != std::string::npos; }));
  const std::uint64_t read = totals().read;
  const std::size_t asked = server_.commands().size();
  ASSERT_TRUE(until([&] { return server_.commands().size() > asked + 50; }));
  EXPECT_EQ(totals().read, read);
  takes_nothing = false;
  finish();
  EXPECT_EQ(totals().acknowledged, 200U);
}

TEST_F(PublisherTest, TheRateDoesNotLoseLines) {
  options_.first_operand = "c";
  options_.rate = 2000;
  std::string text;
  for (int i = 0; i < 200; ++i) text += std::to_string(i) + "\n";
  input(text);
  finish();
  EXPECT_EQ(exit_code(), 0);
  ASSERT_THAT(server_.events("c"), SizeIs(200));
  EXPECT_EQ(server_.events("c").back(), R"({"type":"message","data":199})");
}

TEST_F(PublisherTest, StatisticsAreOneLine) {
  options_.first_operand = "c";
  type("1\n");
  start();
  ASSERT_TRUE(until([this] { return totals().acknowledged == 1; }));
  publisher_->report();
  EXPECT_THAT(notices(), HasSubstr("wspub: read 1, done 1 ("));
  end_input();
  finish();
}

TEST_F(PublisherTest, AnEmptyInputIsDone) {
  options_.first_operand = "c";
  input("");
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(totals().read, 0U);
}

}  // namespace
}  // namespace wskit::pub
