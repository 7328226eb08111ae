#include "wstap/range_end.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace wskit::tap {
namespace {

using protocol::Position;
using protocol::SystemMicros;

SystemMicros at(int second) { return SystemMicros{std::chrono::seconds{1577872800 + second}}; }

SubscribedEntry entry(const std::string& channel, std::uint64_t offset, const std::string& epoch = "e") {
  return {.channel = channel, .offset = offset, .epoch = epoch, .oldest = std::nullopt, .gaps = {}};
}

class RangeEndTest : public ::testing::Test {
 protected:
  void begin(Until until) { end_.emplace(std::move(until)); }

  void answered(const std::vector<SubscribedEntry>& channels, SystemMicros now = at(0)) {
    end_->answered(channels, now, [this](std::string_view channel) {
      const auto found = starts_.find(std::string(channel));
      return found == starts_.end() ? 0 : found->second;
    });
  }

  bool takes(const std::string& channel, std::uint64_t offset, int second = 0) {
    const std::string timestamp(protocol::Timestamp(at(second)).text());
    protocol::EventView event;
    event.channel = channel;
    event.offset = offset;
    event.timestamp = timestamp;
    return end_->takes(event);
  }

  std::optional<RangeEnd> end_;
  std::map<std::string, std::uint64_t> starts_;
};

// --- the newest events ---------------------------------------------------------

TEST_F(RangeEndTest, TheNewestEventsOfTheMomentAreTheLastOnes) {
  begin(UntilNewest{});
  EXPECT_FALSE(end_->reached()) << "before the server has said what there is";
  answered({entry("a", 2), entry("b", 1)});
  EXPECT_FALSE(end_->reached());
  EXPECT_TRUE(takes("a", 1));
  EXPECT_TRUE(takes("a", 2));
  EXPECT_FALSE(takes("a", 3));
  EXPECT_FALSE(end_->reached());
  EXPECT_FALSE(takes("later", 1)) << "it began after the moment";
  EXPECT_TRUE(takes("b", 1));
  EXPECT_TRUE(end_->reached());
}

TEST_F(RangeEndTest, WhatWasReadBeforeCounts) {
  begin(UntilNewest{});
  starts_ = {{"a", 2}};
  answered({entry("a", 2), entry("empty", 0)});
  EXPECT_TRUE(end_->reached());
}

TEST_F(RangeEndTest, WithoutChannelsItIsReachedAtOnce) {
  begin(UntilNewest{});
  answered({});
  EXPECT_TRUE(end_->reached());
}

TEST_F(RangeEndTest, AReconnectDoesNotMoveIt) {
  begin(UntilNewest{});
  answered({entry("a", 2)});
  EXPECT_TRUE(takes("a", 1));
  starts_ = {{"a", 1}};
  answered({entry("a", 9)});
  EXPECT_TRUE(takes("a", 2));
  EXPECT_TRUE(end_->reached());
}

TEST_F(RangeEndTest, AChannelThatBeganAnewHasNothingLeft) {
  begin(UntilNewest{});
  answered({entry("a", 5, "old")});
  answered({entry("a", 1, "new")});
  EXPECT_TRUE(end_->reached());
}

// --- an offset -------------------------------------------------------------------

TEST_F(RangeEndTest, AnOffsetIsTheLastOneOfEveryChannel) {
  begin(Position{.offset = 2, .epoch = {}});
  answered({entry("a", 9), entry("b", 1)});
  EXPECT_TRUE(takes("a", 2));
  EXPECT_FALSE(end_->reached());
  EXPECT_TRUE(takes("b", 2)) << "which comes live";
  EXPECT_TRUE(end_->reached());
}

TEST_F(RangeEndTest, AnOffsetThatWasMergedAwayIsPassedByTheNext) {
  begin(Position{.offset = 3, .epoch = {}});
  answered({entry("a", 2)});
  EXPECT_FALSE(takes("a", 5));
  EXPECT_TRUE(end_->reached());
}

TEST_F(RangeEndTest, AnOffsetIsWaitedForWhereThereIsNoChannelYet) {
  begin(Position{.offset = 1, .epoch = {}});
  answered({});
  EXPECT_FALSE(end_->reached());
  EXPECT_TRUE(takes("new", 1));
  EXPECT_TRUE(end_->reached());
}

TEST_F(RangeEndTest, AnOffsetOfAnEpochThatIsOverWillNotCome) {
  begin(Position{.offset = 9, .epoch = "gone"});
  answered({entry("a", 3)});
  EXPECT_TRUE(end_->reached());
}

// --- a time ----------------------------------------------------------------------

TEST_F(RangeEndTest, ATimeEndsAChannelWithTheFirstEventAfterIt) {
  begin(at(10));
  answered({entry("a", 3)}, at(60));
  EXPECT_TRUE(takes("a", 1, 9));
  EXPECT_TRUE(takes("a", 2, 10)) << "the time itself is within";
  EXPECT_FALSE(takes("a", 3, 11));
  EXPECT_TRUE(end_->reached());
  EXPECT_FALSE(takes("a", 4, 9)) << "what follows the end stays behind it";
}

TEST_F(RangeEndTest, ATimeThatIsPastEndsWithTheNewestEvent) {
  begin(at(10));
  answered({entry("a", 1)}, at(60));
  EXPECT_EQ(end_->asks_again(), std::nullopt);
  EXPECT_TRUE(takes("a", 1, 5));
  EXPECT_TRUE(end_->reached());
}

TEST_F(RangeEndTest, ATimeToComeIsAskedForAgain) {
  begin(at(10));
  answered({entry("a", 1), entry("silent", 4)}, at(0));
  EXPECT_EQ(end_->asks_again(), at(10));
  EXPECT_TRUE(takes("a", 1, 1));
  EXPECT_TRUE(takes("new", 1, 2));
  EXPECT_FALSE(end_->reached());
  starts_ = {{"a", 1}, {"silent", 4}, {"new", 1}};
  answered({entry("a", 2), entry("silent", 4), entry("new", 1)}, at(11));
  EXPECT_EQ(end_->asks_again(), std::nullopt);
  EXPECT_FALSE(end_->reached()) << "an event is on its way";
  EXPECT_TRUE(takes("a", 2, 10));
  EXPECT_TRUE(end_->reached());
}

}  // namespace
}  // namespace wskit::tap
