// That lines reach the server byte for byte, in order and once, whatever happens
// to the connection, and that the summary tells the truth about them.

#include "wspub/delivery.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/steady_timer.hpp>
#include <map>
#include <random>
#include <vector>

#include "delivery_fixture.h"

namespace wskit::pub {
namespace {

using protocol::ErrorCode;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using Kind = Verdict::Kind;

TEST_F(DeliveryTest, ManyLinesArriveInOrderPerChannel) {
  input(lines(20000, 7));
  finish();
  EXPECT_EQ(exit_code(), 0);
  for (int i = 0; i < 7; ++i) EXPECT_EQ(server_.events("c/" + std::to_string(i)), expected(20000, 7, i));
  EXPECT_EQ(totals().read, 20000U);
  EXPECT_EQ(totals().acknowledged, 20000U);
  EXPECT_EQ(totals().reconnects, 0U);
}

TEST_F(DeliveryTest, WaitingLinesTravelInBatches) {
  input(lines(10000));
  finish();
  EXPECT_LT(server_.commands().size(), 1500U);
}

TEST_F(DeliveryTest, ASingleLineGoesAtOnceAlthoughTheInputGoesOn) {
  lines(0);
  type("{\"c\":0,\"n\":1}\n");
  start();
  ASSERT_TRUE(until([this] { return server_.total_events() == 1; }));
  type("{\"c\":0,\"n\":2}\n");
  ASSERT_TRUE(until([this] { return server_.total_events() == 2; }));
  end_input();
  finish();
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(DeliveryTest, AChannelsFirstEventsTravelAloneUntilOneIsAccepted) {
  input(lines(2000, 2));
  server_.judge = [](const protocol::Command& command) {
    EXPECT_TRUE(!command.batch || command.publish.size() > 1);
    return Verdict{};
  };
  finish();
  ASSERT_FALSE(server_.commands().empty());
  EXPECT_THAT(server_.commands().front(), Not(HasSubstr("\"events\"")));
  EXPECT_THAT(server_.commands().back(), HasSubstr("\"events\""));
}

// --- the window ---

TEST_F(DeliveryTest, WhenTheWindowIsFullNoInputIsRead) {
  lines(0);
  options_.window = 4;
  server_.judge = [](const protocol::Command&) { return Verdict{Kind::kAcceptInSilence}; };
  type("{\"c\":0,\"n\":1}\n");
  start();
  ASSERT_TRUE(until([this] { return server_.lines_received() == 1; }));
  const std::string block(4095, ' ');
  // Far more than the splitter's buffer and the pipe hold together.
  std::uint64_t lines_typed = 1;
  while (lines_typed < 20 && type_if_there_is_room(block + "\n{\"c\":0}\n")) {
    ++lines_typed;
    io_.poll();
  }
  ASSERT_TRUE(until([this] { return server_.lines_received() == 4; }));
  int typed = 0;
  while (type_if_there_is_room(block + "\n") && ++typed < 10000) io_.poll();
  EXPECT_LT(typed, 10000) << "wspub went on reading";
  EXPECT_EQ(totals().read, 4U);
  server_.judge = [](const protocol::Command&) { return Verdict{}; };
  server_.answer_now();
  end_input();
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(totals().acknowledged, lines_typed);
  expect_settled();
}

TEST_F(DeliveryTest, LateAnswersOnlySlowDown) {
  options_.window = 16;
  input(lines(500));
  boost::asio::steady_timer timer(io_);
  std::size_t most_unanswered = 0;
  std::size_t answered = 0;
  server_.judge = [&](const protocol::Command&) {
    most_unanswered = std::max(most_unanswered, server_.lines_received() - answered);
    timer.expires_after(std::chrono::milliseconds(1));
    timer.async_wait([&](const boost::system::error_code& error) {
      if (error) return;
      answered = server_.lines_received();
      server_.answer_now();
    });
    return Verdict{Kind::kAcceptInSilence};
  };
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(server_.events("c/0"), expected(500));
  EXPECT_LE(most_unanswered, 16U);
}

TEST_F(DeliveryTest, AnAnswerThatComesTwiceCountsOnce) {
  input(lines(300));
  server_.judge = [](const protocol::Command&) { return Verdict{Kind::kAcceptTwice}; };
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(totals().acknowledged, 300U);
}

TEST_F(DeliveryTest, AnAnswerForTooManyEventsIsNoAnswer) {
  input(lines(300));
  server_.judge = [](const protocol::Command&) { return Verdict{Kind::kMiscount}; };
  finish();
  EXPECT_EQ(exit_code(), 4);
  EXPECT_THAT(notices(), HasSubstr("acknowledged 2 events of a command with 1"));
  EXPECT_EQ(totals().acknowledged, 0U);
  expect_settled();
}

// --- lost connections ---

// Cuts at random, before and after publishing: with sequences, and with dedup ids
// where the server knows none, each line is there exactly once and in order, and the
// summary knows.
class DeliveryAfterLosses : public DeliveryTest, public ::testing::WithParamInterface<unsigned> {};

TEST_P(DeliveryAfterLosses, EachLineIsPublishedOnceAndInOrder) {
  std::mt19937 random(GetParam());
  if (GetParam() % 2 == 0) server_.features.clear();
  options_.window = 1 + random() % 100;
  constexpr int kLines = 1000;
  input(lines(kLines, 5));
  server_.judge = [&](const protocol::Command&) {
    switch (random() % 40) {
      case 0:
        return Verdict{Kind::kCutBefore};
      case 1:
        return Verdict{Kind::kCutAfter};
      case 2:
        return Verdict{Kind::kAcceptTwice};
      default:
        return Verdict{};
    }
  };
  finish();
  EXPECT_EQ(exit_code(), 0) << notices();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(server_.events("c/" + std::to_string(i)), expected(kLines, 5, i)) << "channel " << i;
  }
  EXPECT_EQ(totals().read, static_cast<std::uint64_t>(kLines));
  EXPECT_EQ(totals().acknowledged, static_cast<std::uint64_t>(kLines));
  EXPECT_LE(totals().duplicates, server_.duplicates());
  EXPECT_EQ(totals().reconnects, server_.cuts());
  expect_settled();
}

INSTANTIATE_TEST_SUITE_P(Seeds, DeliveryAfterLosses, ::testing::Range(1U, 21U));

TEST_F(DeliveryTest, TheWindowIsSentAgainBeforeAnythingNew) {
  options_.window = 8;
  input(lines(100));
  int commands = 0;
  server_.judge = [&](const protocol::Command&) {
    return Verdict{++commands == 20 ? Kind::kCutAfter : Kind::kAccept};
  };
  finish();
  EXPECT_EQ(server_.events("c/0"), expected(100));
  EXPECT_GT(totals().duplicates, 0U);
  EXPECT_EQ(totals().acknowledged, 100U);
  EXPECT_THAT(notices(), HasSubstr("connected again"));
}

TEST_F(DeliveryTest, WithoutDedupAResendMayPublishTwice) {
  options_.dedup = false;
  input(lines(10));
  bool cut = false;
  server_.judge = [&](const protocol::Command&) {
    return Verdict{std::exchange(cut, true) ? Kind::kAccept : Kind::kCutAfter};
  };
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_THAT(server_.commands(), Each(Not(HasSubstr("dedup"))));
  EXPECT_GT(server_.total_events(), 10U);
}

// --- marks ---

TEST_F(DeliveryTest, EachLineHasItsNumberAsItsSequence) {
  input(lines(2000, 3));
  std::vector<std::int64_t> sequences;
  std::string producer;
  server_.judge = [&](const protocol::Command& command) {
    if (producer.empty()) producer = command.producer;
    EXPECT_EQ(command.producer, producer);
    for (const protocol::PublishEvent& event : command.publish) sequences.push_back(event.sequence);
    return Verdict{};
  };
  finish();
  EXPECT_THAT(producer, SizeIs(12));
  ASSERT_THAT(sequences, SizeIs(2000));
  for (std::size_t i = 0; i < sequences.size(); ++i)
    ASSERT_EQ(sequences[i], static_cast<std::int64_t>(i) + 1);
  EXPECT_THAT(server_.commands(), Each(Not(HasSubstr("dedup"))));
}

TEST_F(DeliveryTest, AServerThatKnowsNoSequencesGetsDedupIds) {
  server_.features = {"other"};
  input(lines(1000));
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_THAT(server_.commands(), Each(Not(HasSubstr("sequence"))));
  EXPECT_THAT(server_.commands(), Each(HasSubstr("dedup")));
}

TEST_F(DeliveryTest, WhatTheNextServerDoesNotKnowIsNotSentToIt) {
  options_.window = 64;
  input(lines(1000, 2));
  std::vector<std::vector<std::string>> had;  // of each channel, by the server before
  server_.judge = [&](const protocol::Command&) {
    if (server_.commands().size() != 20) return Verdict{};
    server_.features.clear();
    had = {server_.events("c/0"), server_.events("c/1")};
    server_.forget_events();
    return Verdict{Kind::kCutBefore};
  };
  finish();
  EXPECT_EQ(exit_code(), 0) << notices();
  const std::vector<std::string> after(server_.commands().begin() + 20, server_.commands().end());
  EXPECT_THAT(after, Each(Not(HasSubstr("sequence"))));
  EXPECT_THAT(after, Each(HasSubstr("dedup")));
  EXPECT_EQ(totals().acknowledged, 1000U);
  // Each server has its lines once and in order, and what the first one did not
  // acknowledge the next one has.
  ASSERT_THAT(had, SizeIs(2));
  for (int i = 0; i < 2; ++i) {
    const std::vector<std::string> all = expected(1000, 2, i);
    const std::vector<std::string>& before = had[static_cast<std::size_t>(i)];
    const std::vector<std::string>& next = server_.events("c/" + std::to_string(i));
    ASSERT_LE(before.size(), all.size());
    ASSERT_LE(next.size(), all.size());
    EXPECT_EQ(before, std::vector(all.begin(), all.begin() + std::ssize(before)));
    EXPECT_EQ(next, std::vector(all.end() - std::ssize(next), all.end()));
    EXPECT_GE(before.size() + next.size(), all.size());
  }
}

// Refuses sequences below `oldest` as a server does that has forgotten them.
auto forgetting(std::int64_t oldest, const bool& armed) {
  return [oldest, &armed](const protocol::Command& command) {
    for (std::size_t i = 0; armed && i < command.publish.size(); ++i) {
      const std::int64_t sequence = command.publish[i].sequence;
      if (sequence == protocol::kNoSequence || sequence >= oldest) continue;
      const std::string index = command.batch ? fmt::format(R"("index":{},)", i) : "";
      return Verdict{Kind::kRefuse,
                     {ErrorCode::kBadEvent, "too old",
                      fmt::format(R"({{{}"sequence":{},"oldest":{}}})", index, sequence, oldest)}};
    }
    return Verdict{};
  };
}

TEST_F(DeliveryTest, LinesThatTheServerHasForgottenLeaveTheRunUnacknowledged) {
  options_.window = 200;
  input(lines(1000));
  bool armed = false;
  const auto judge = forgetting(300, armed);
  server_.judge = [&](const protocol::Command& command) {
    if (!armed && server_.lines_received() > 250) {
      armed = true;
      return Verdict{Kind::kCutAfter};
    }
    return judge(command);
  };
  finish();
  EXPECT_EQ(exit_code(), 7) << notices();
  EXPECT_GT(totals().unacknowledged, 0U);
  EXPECT_LT(totals().unacknowledged, 300U);
  EXPECT_THAT(notices(), HasSubstr("sent again too late: too old; it counts as unacknowledged"));
  EXPECT_EQ(server_.events("c/0"), expected(1000)) << "and no line is there twice";
  expect_settled();
}

TEST_F(DeliveryTest, ALineThatWasOvertakenAndNeverPublishedGoesOutUnderAnotherMark) {
  input(lines(100));
  const bool armed = true;
  const auto judge = forgetting(2, armed);  // as if line 2 had been accepted first
  server_.judge = judge;
  finish();
  EXPECT_EQ(exit_code(), 0) << notices();
  EXPECT_THAT(server_.events("c/0"), SizeIs(100));
  EXPECT_EQ(totals().acknowledged, 100U);
}

TEST_F(DeliveryTest, WhileTheServerIsAwayTheWindowFills) {
  lines(0);
  options_.window = 3;
  type("{\"c\":0,\"n\":1}\n");
  start();
  ASSERT_TRUE(until([this] { return totals().acknowledged == 1; }));
  server_.socket().stop_listening();
  server_.socket().last().cut();
  ASSERT_TRUE(until([this] { return notices().find("trying again") != std::string::npos; }));
  for (int i = 2; i <= 9; ++i) type(fmt::format("{{\"c\":0,\"n\":{}}}\n", i));
  ASSERT_TRUE(until([this] { return totals().read == 4; }));
  server_.socket().listen_again();
  end_input();
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(server_.events("c/0"), expected(9));
}

TEST_F(DeliveryTest, WithTheRetriesUsedUpTheCountIsTrue) {
  options_.connect.retries = 0;
  input(lines(1000));
  server_.judge = [&](const protocol::Command&) {
    return Verdict{server_.commands().size() == 5 ? Kind::kCutAfter : Kind::kAccept};
  };
  finish();
  EXPECT_EQ(exit_code(), 6);
  EXPECT_EQ(server_.total_events(), 5U);
  EXPECT_LE(totals().acknowledged, 4U) << "the fifth was not answered";
  EXPECT_GT(totals().unacknowledged, 0U);
  expect_settled();
}

TEST_F(DeliveryTest, AServerThatIsNotThereIsTold) {
  server_.socket().stop_listening();
  input(lines(3));
  finish();
  EXPECT_EQ(exit_code(), 3);
  EXPECT_EQ(totals().read, 0U);
}

TEST_F(DeliveryTest, AnOverdueAnswerMeansANewConnection) {
  options_.ack_timeout = std::chrono::milliseconds(50);
  input(lines(10));
  server_.judge = [&](const protocol::Command&) {
    return Verdict{server_.socket().peers().size() == 1 ? Kind::kIgnore : Kind::kAccept};
  };
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(server_.events("c/0"), expected(10));
  EXPECT_THAT(notices(), HasSubstr("no acknowledgement for 50ms"));
}

TEST_F(DeliveryTest, AnOverdueAnswerWithoutReconnectingLeavesLinesUnacknowledged) {
  options_.ack_timeout = std::chrono::milliseconds(500);
  options_.connect.reconnect = false;
  input(lines(10));
  server_.judge = [](const protocol::Command&) { return Verdict{Kind::kIgnore}; };
  finish();
  EXPECT_EQ(exit_code(), 7);
  EXPECT_EQ(totals().unacknowledged, 10U);
  expect_settled();
}

TEST_F(DeliveryTest, AServerThatNeverGreetsIsNoneOfOurs) {
  server_.socket().on_open = [](testing::FakePeer&) {};
  input(lines(1));
  options_.ack_timeout = std::chrono::milliseconds{50};
  options_.connect.reconnect = false;
  finish();
  EXPECT_EQ(exit_code(), 6);
  EXPECT_THAT(notices(), HasSubstr("no greeting for 50ms"));
  expect_settled();
}

TEST_F(DeliveryTest, ChannelsThatTheServerSubscribedByItselfAreGivenBack) {
  server_.default_channels = {"news", "market/*"};
  input(lines(3));
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_THAT(server_.commands(),
              ::testing::Contains(R"({"action":"unsubscribe","channels":["news","market/*"]})"));
}

// --- without acknowledgements ---

TEST_F(DeliveryTest, WithoutAcknowledgementsNoneAreAskedFor) {
  options_.ack = Acknowledge::kNone;
  input(lines(3000, 3));
  finish();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_THAT(server_.commands(), Each(Not(HasSubstr("\"id\""))));
  EXPECT_EQ(server_.events("c/1"), expected(3000, 3, 1));
  EXPECT_THAT(notices(), Not(HasSubstr("read ")));
}

TEST_F(DeliveryTest, WithoutAcknowledgementsARefusalStillStopsTheRun) {
  options_.ack = Acknowledge::kNone;
  lines(0);
  type("{\"c\":0,\"n\":1}\n");
  server_.judge = refusing("\"n\":1", ErrorCode::kForbidden, true);
  start();
  finish();
  EXPECT_EQ(exit_code(), 4);
  EXPECT_THAT(notices(), HasSubstr("a line: refused by the server"));
  EXPECT_EQ(totals().acknowledged, 0U);
  expect_settled();
}

}  // namespace
}  // namespace wskit::pub
