#include "wspub/window.h"

#include <gtest/gtest.h>

#include <string>

namespace wskit::pub {
namespace {

using Clock = Window::Clock;

class WindowTest : public testing::Test {
 protected:
  Window::CommandPtr command(std::uint64_t id, std::size_t lines = 1) {
    Window::CommandPtr made = window_.acquire();
    made->start(id, PublishCommand::Reply::kWanted);
    protocol::PublishEvent event;
    event.channel = "c";
    event.type = "t";
    event.data = "0";
    for (std::size_t i = 0; i < lines; ++i) made->add(event, ++last_line_, {});
    made->seal();
    return made;
  }

  void push(std::uint64_t id, std::size_t lines = 1) { window_.push(command(id, lines)); }

  // The ids that go out now.
  std::string send(Clock::time_point now = Clock::now(), std::size_t limit = 100) {
    std::string ids;
    window_.send_pending(now, limit,
                         [&ids](const PublishCommand& sent) { ids += std::to_string(sent.id()) + " "; });
    return ids;
  }

  std::uint64_t last_line_ = 0;
  Window window_{{.lines = 4, .bytes = 100000}};
};

TEST_F(WindowTest, CountsLinesUntilTheyAreAnswered) {
  push(1, 3);
  EXPECT_TRUE(window_.has_room(1, 0));
  EXPECT_FALSE(window_.has_room(2, 0));
  send();
  EXPECT_EQ(window_.take(1)->size(), 3U);
  EXPECT_TRUE(window_.has_room(4, 0));
  EXPECT_TRUE(window_.empty());
}

TEST_F(WindowTest, IsBoundedInBytesButAlwaysHoldsOneLine) {
  Window small({.lines = 10, .bytes = 10});
  EXPECT_TRUE(small.has_room(1, 1000));
  small.push(command(1));
  EXPECT_FALSE(small.has_room(1, 0));
}

TEST_F(WindowTest, SendsEachCommandOnceAndInOrder) {
  push(1);
  push(2);
  EXPECT_EQ(send(), "1 2 ");
  push(3);
  EXPECT_EQ(send(), "3 ");
  EXPECT_EQ(send(), "");
}

TEST_F(WindowTest, AfterALossEverythingUnansweredGoesOutAgainInOrder) {
  push(1);
  push(2);
  send();
  push(3);
  std::ignore = window_.take(1);
  window_.connection_lost();
  EXPECT_EQ(window_.awaiting(2), nullptr) << "its answer can no longer come";
  EXPECT_EQ(send(), "2 3 ");
}

TEST_F(WindowTest, AnAnswerThatComesTwiceIsNotAwaited) {
  push(1);
  send();
  EXPECT_NE(window_.awaiting(1), nullptr);
  std::ignore = window_.take(1);
  EXPECT_EQ(window_.awaiting(1), nullptr);
  EXPECT_EQ(window_.awaiting(99), nullptr);
}

TEST_F(WindowTest, AnswersMayComeInAnyOrder) {
  push(1);
  push(2);
  push(3);
  send();
  EXPECT_EQ(window_.take(2)->id(), 2U);
  EXPECT_EQ(window_.take(3)->id(), 3U);
  EXPECT_EQ(window_.take(1)->id(), 1U);
}

TEST_F(WindowTest, TheRestOfARefusedBatchKeepsItsPlace) {
  push(1);
  push(2, 2);
  push(3);
  send();
  std::vector<Window::CommandPtr> parts;
  parts.push_back(command(4));
  parts.push_back(command(5));
  EXPECT_EQ(window_.replace(2, std::move(parts))->id(), 2U);
  EXPECT_EQ(window_.lines(), 4U);
  EXPECT_EQ(send(), "4 5 ");
  window_.connection_lost();
  EXPECT_EQ(send(), "1 4 5 3 ");
}

TEST_F(WindowTest, WhatIsPutBackGoesOutAgain) {
  push(1);
  push(2);
  send();
  window_.put_back(1);
  EXPECT_EQ(window_.on_the_way(), 1U);
  EXPECT_EQ(window_.awaiting(1), nullptr);
  EXPECT_EQ(send(), "1 ");
}

TEST_F(WindowTest, SendsNoMoreThanMayBeOnTheirWay) {
  push(1);
  push(2);
  push(3);
  EXPECT_EQ(send(Clock::now(), 0), "");
  EXPECT_EQ(send(Clock::now(), 2), "1 2 ");
  EXPECT_EQ(send(Clock::now(), 2), "");
  std::ignore = window_.take(1);
  EXPECT_EQ(send(Clock::now(), 2), "3 ");
}

TEST_F(WindowTest, KnowsWhichLinesAreCertainlyNotPublished) {
  push(1, 2);
  send();
  push(2);
  EXPECT_EQ(window_.lines_unpublished(), 1U);
  window_.connection_lost();
  EXPECT_EQ(window_.lines_unpublished(), 1U) << "once sent, a line may have been published";
}

TEST_F(WindowTest, WhatWasRefusedEachTimeIsNotPublished) {
  push(1, 2);
  send();
  window_.put_back(1);
  EXPECT_EQ(window_.lines_unpublished(), 2U);
  send();
  EXPECT_EQ(window_.lines_unpublished(), 0U) << "its answer is on its way";
  window_.connection_lost();
  send();
  window_.put_back(1);
  EXPECT_EQ(window_.lines_unpublished(), 0U) << "the lost connection may have published it";
}

TEST_F(WindowTest, KnowsThatTheFirstOneWaitsWhileOthersAreOnTheirWay) {
  push(1);
  push(2);
  send();
  EXPECT_FALSE(window_.first_is_waiting());
  window_.put_back(2);
  EXPECT_FALSE(window_.first_is_waiting());
  window_.put_back(1);
  EXPECT_TRUE(window_.first_is_waiting());
}

TEST_F(WindowTest, KnowsHowLongTheOldestAnswerHasBeenAwaited) {
  const auto start = Clock::now();
  EXPECT_EQ(window_.oldest_sent(), std::nullopt);
  push(1);
  send(start);
  push(2);
  send(start + std::chrono::seconds(1));
  EXPECT_EQ(window_.oldest_sent(), start);
  std::ignore = window_.take(1);
  EXPECT_EQ(window_.oldest_sent(), start + std::chrono::seconds(1));
  window_.connection_lost();
  EXPECT_EQ(window_.oldest_sent(), std::nullopt);
}

}  // namespace
}  // namespace wskit::pub
