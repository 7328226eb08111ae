#include "wstap/channel_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wskit::tap {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Reads events and answers of the server, and tells what is wrong in the words
// that people see.
class ChannelBookTest : public ::testing::Test {
 protected:
  std::string read(std::uint64_t offset, std::string_view channel = "a") {
    return read_event(offset, channel, 0, 0, {});
  }
  // One that stands for `merged` others, the first of which had the offset `from`.
  std::string merged(std::uint64_t offset, std::uint64_t from, std::uint64_t merged,
                     std::string_view key = {}) {
    return read_event(offset, "a", from, merged, key);
  }
  std::string keyed(std::uint64_t offset, std::string_view key) { return read_event(offset, "a", 0, 0, key); }

  std::string read_event(std::uint64_t offset, std::string_view channel, std::uint64_t from,
                         std::uint64_t merged, std::string_view key) {
    protocol::EventView event;
    event.channel = channel;
    event.offset = offset;
    event.from = from;
    event.merged = merged;
    event.key = key;
    const ChannelBook::Reading reading = book_.read(event);
    epoch_wanted_ = reading.epoch_wanted;
    repeated_ = reading.repeated;
    return reading.incident ? reading.incident->describe(channel) : "";
  }

  std::string subscribed(std::uint64_t offset, std::string_view epoch, bool recovered = false,
                         std::uint64_t replayed = 0, std::optional<std::uint64_t> oldest = std::nullopt,
                         const std::string& channel = "a") {
    const auto incident = book_.subscribed({.channel = channel,
                                            .offset = offset,
                                            .epoch = std::string(epoch),
                                            .recovered = recovered,
                                            .replayed = replayed,
                                            .oldest = oldest,
                                            .gaps = {}});
    return incident ? incident->describe(channel) : "";
  }

  std::vector<std::string> holes(std::optional<ChannelBook::Time> before = std::nullopt) {
    std::vector<std::string> texts;
    for (const ChannelBook::Hole& hole : book_.take_holes(before)) {
      texts.push_back(hole.incident.describe(hole.channel));
    }
    return texts;
  }

  std::string resume_point() { return protocol::to_json(book_.resume_point(std::nullopt)); }

  ChannelBook book_{ChannelBook::Offsets::kContiguous};
  bool epoch_wanted_ = false;
  bool repeated_ = false;  // the last event read
};

TEST_F(ChannelBookTest, ContiguousOffsetsAreFine) {
  EXPECT_EQ(subscribed(41, "e"), "");
  EXPECT_EQ(read(42), "");
  EXPECT_EQ(read(43), "");
  EXPECT_EQ(read(7, "b"), "") << "where a channel of a pattern stood before is not known";
  EXPECT_EQ(read(8, "b"), "");
  EXPECT_EQ(book_.channels_read(), 2U);
}

TEST_F(ChannelBookTest, AJumpIsAGapWithItsRange) {
  EXPECT_EQ(subscribed(41, "e"), "");
  EXPECT_EQ(read(43), "gap in a: event 42 missing");
  EXPECT_EQ(read(50), "gap in a: events 44 to 49 missing");
  EXPECT_EQ(read(51), "");
}

TEST_F(ChannelBookTest, AnEventThatStandsForOthersFillsTheirPlace) {
  EXPECT_EQ(read(117), "");
  EXPECT_EQ(merged(140, 118, 22), "");
  EXPECT_EQ(read(141), "");
  EXPECT_EQ(merged(150, 145, 5), "gap in a: 3 of events 142 to 149 missing");
  EXPECT_EQ(read(151), "");
}

TEST_F(ChannelBookTest, HolesBetweenKeysAreFilledByLaterEvents) {
  // x:118 y:119 y:120 x:121 came while the reader was slow: y goes first.
  EXPECT_EQ(keyed(117, "x"), "");
  EXPECT_EQ(merged(120, 119, 1, "y"), "");
  EXPECT_TRUE(book_.has_holes());
  EXPECT_EQ(merged(121, 118, 1, "x"), "");
  EXPECT_FALSE(book_.has_holes());
  EXPECT_EQ(keyed(122, "x"), "");
  EXPECT_THAT(holes(), IsEmpty());
}

TEST_F(ChannelBookTest, AHoleBetweenKeysThatNothingFillsIsReportedLater) {
  EXPECT_EQ(keyed(117, "x"), "");
  EXPECT_EQ(keyed(120, "y"), "");
  EXPECT_EQ(keyed(121, "x"), "");
  EXPECT_THAT(holes(ChannelBook::Time::min()), IsEmpty()) << "it is younger than that";
  EXPECT_THAT(holes(ChannelBook::Time::max()), ElementsAre("gap in a: 2 of events 118 to 121 missing"));
  EXPECT_FALSE(book_.has_holes());
  EXPECT_EQ(keyed(122, "x"), "");
  EXPECT_THAT(holes(), IsEmpty());
}

// S2: what waited for max_rate comes together, in the order of the offsets, and adds up.
TEST_F(ChannelBookTest, WhatMaxRateHeldBackAddsUp) {
  subscribed(0, "e", true);
  EXPECT_EQ(keyed(1, "a"), "");
  EXPECT_EQ(keyed(2, "b"), "");
  // 3, 5 and 8 of a, 4 and 9 of b, 6 and 7 of c and 10 of d waited for a second.
  EXPECT_EQ(merged(7, 6, 1, "c"), "");
  EXPECT_EQ(merged(8, 3, 2, "a"), "");
  EXPECT_EQ(merged(9, 4, 1, "b"), "");
  EXPECT_EQ(keyed(10, "d"), "");
  EXPECT_FALSE(book_.has_holes());
  EXPECT_THAT(holes(), IsEmpty());
  // What it may not do: leave one out, or send one behind a later one.
  EXPECT_EQ(merged(13, 11, 1, "a"), "");
  EXPECT_TRUE(book_.has_holes()) << "12 is in none of them";
  EXPECT_THAT(keyed(12, "b"), ::testing::HasSubstr("came too late"));
}

// S2: of two events that leave the server together the connection may take the first
// one only, and the second one, when it comes out of the history, declares nothing.
TEST_F(ChannelBookTest, AConnectionThatIsLostBetweenMergedEventsLosesNone) {
  subscribed(0, "e", true);
  EXPECT_EQ(keyed(1, "a"), "");
  EXPECT_EQ(merged(3, 2, 1, "a"), "");
  // 4 and 6 of a, 5 of b waited for a second: 5 comes, 6 would say that it stands for 4.
  EXPECT_EQ(keyed(5, "b"), "");
  EXPECT_TRUE(book_.has_holes());
  book_.forget_holes_of_merges();
  EXPECT_FALSE(book_.has_holes());
  book_.begin_connection();
  EXPECT_EQ(subscribed(6, "e", true, 1), "");
  EXPECT_EQ(keyed(6, "a"), "");
  EXPECT_THAT(holes(), IsEmpty());
  EXPECT_EQ(merged(8, 7, 1, "a"), "");
  EXPECT_THAT(holes(), IsEmpty());
}

TEST_F(ChannelBookTest, WhereNothingIsMergedAHoleIsALossAlsoWhenTheConnectionIsLost) {
  EXPECT_EQ(keyed(117, "x"), "");
  EXPECT_EQ(keyed(120, "y"), "");
  book_.forget_holes_of_merges();
  EXPECT_THAT(holes(), ElementsAre("gap in a: 2 of events 118 to 120 missing"));
}

TEST_F(ChannelBookTest, AsksForTheEpochOfAChannelOnceAConnection) {
  EXPECT_EQ(read(42), "");
  EXPECT_TRUE(epoch_wanted_);
  EXPECT_EQ(read(43), "");
  EXPECT_FALSE(epoch_wanted_);
  book_.begin_connection();
  EXPECT_EQ(read(44), "");
  EXPECT_TRUE(epoch_wanted_);
  book_.learn_epoch("a", "e");
  EXPECT_EQ(resume_point(), R"({"positions":{"a":{"offset":44,"epoch":"e"}}})");
  book_.begin_connection();
  EXPECT_EQ(read(45), "");
  EXPECT_FALSE(epoch_wanted_);
}

TEST_F(ChannelBookTest, AGapInAChannelNeverReadIsOfUnknownLength) {
  EXPECT_EQ(subscribed(43, "e", false, 3, 41),
            "gap in a: events before 41 are missing, how many is not known");
  EXPECT_EQ(read(41), "");
  EXPECT_EQ(subscribed(3, "e", false, 3, 1, "b"), "") << "all there ever was comes";
  EXPECT_EQ(read(1, "b"), "");
}

TEST_F(ChannelBookTest, AnOffsetThatGoesBackOnOneConnectionIsTold) {
  EXPECT_EQ(read(5), "");
  EXPECT_EQ(read(5), "event 5 of a came a second time, after event 5; it is passed over");
  EXPECT_EQ(read(3), "event 3 of a came a second time, after event 5; it is passed over");
}

TEST_F(ChannelBookTest, WhatWasToldMissingComesOnceHoweverLate) {
  subscribed(0, "e", true);
  read(1);
  EXPECT_EQ(read(6), "gap in a: events 2 to 5 missing");
  EXPECT_EQ(read(4), "event 4 of a came too late, after event 6");
  EXPECT_FALSE(repeated_);
  for (const std::uint64_t offset : {4U, 6U}) {
    EXPECT_THAT(read(offset), ::testing::HasSubstr("came a second time"));
    EXPECT_TRUE(repeated_);
  }
  for (const std::uint64_t offset : {2U, 5U, 3U}) {
    EXPECT_THAT(read(offset), ::testing::HasSubstr("came too late"));
    EXPECT_FALSE(repeated_);
  }
  read(3);
  EXPECT_TRUE(repeated_);
}

TEST_F(ChannelBookTest, AnOpenHoleIsClosedByWhatComesLate) {
  subscribed(0, "e", true);
  keyed(1, "x");
  EXPECT_EQ(keyed(4, "y"), "");
  EXPECT_THAT(keyed(3, "x"), ::testing::HasSubstr("came too late"));
  EXPECT_THAT(keyed(3, "x"), ::testing::HasSubstr("came a second time"));
  EXPECT_TRUE(repeated_);
  EXPECT_THAT(keyed(2, "x"), ::testing::HasSubstr("came too late"));
  EXPECT_THAT(holes(), IsEmpty());
  EXPECT_FALSE(book_.has_holes());
}

TEST_F(ChannelBookTest, ChannelsDoNotMixEvenWhenTheirEventsAlternate) {
  for (std::uint64_t i = 1; i < 100; ++i) {
    EXPECT_EQ(read(i, "a"), "");
    EXPECT_EQ(read(i + 1000, "b"), "");
  }
}

TEST_F(ChannelBookTest, HolesOfAFilterAreNoGaps) {
  book_ = ChannelBook(ChannelBook::Offsets::kWithHoles);
  EXPECT_EQ(subscribed(10, "e"), "");
  EXPECT_EQ(read(15), "");
  EXPECT_EQ(read(30), "");
  EXPECT_EQ(read(30), "event 30 of a came a second time, after event 30; it is passed over");
}

TEST_F(ChannelBookTest, ResumesBehindTheLastEventOfEachChannel) {
  EXPECT_EQ(subscribed(41, "e"), "");
  EXPECT_EQ(read(42), "");
  EXPECT_EQ(read(7, "b"), "");
  EXPECT_EQ(resume_point(), R"({"positions":{"a":{"offset":42,"epoch":"e"},"b":{"offset":7}}})");
}

TEST_F(ChannelBookTest, ResumesAlsoAChannelThatWasSilent) {
  EXPECT_EQ(subscribed(0, "e"), "");
  EXPECT_EQ(resume_point(), R"({"positions":{"a":{"offset":0,"epoch":"e"}}})");
}

TEST_F(ChannelBookTest, ARecoveredChannelGoesOnWhereItWas) {
  EXPECT_EQ(subscribed(41, "e"), "");
  EXPECT_EQ(read(42), "");
  book_.begin_connection();
  EXPECT_EQ(subscribed(45, "e", true, 3), "");
  EXPECT_EQ(read(43), "");
  EXPECT_EQ(read(44), "");
  EXPECT_EQ(read(45), "");
  EXPECT_EQ(read(46), "");
}

TEST_F(ChannelBookTest, WhatCouldNotBeReplayedIsAGap) {
  EXPECT_EQ(subscribed(42, "e"), "");
  book_.begin_connection();
  EXPECT_EQ(subscribed(57, "e", false, 0, 58),
            "gap in a: events 43 to 57 missing; the oldest that is held is 58");
  EXPECT_EQ(read(58), "");
}

TEST_F(ChannelBookTest, WhatIsStillHeldComesAfterTheGap) {
  EXPECT_EQ(subscribed(42, "e"), "");
  book_.begin_connection();
  EXPECT_EQ(subscribed(57, "e", false, 8, 50),
            "gap in a: events 43 to 49 missing; the oldest that is held is 50");
  for (std::uint64_t offset = 50; offset <= 58; ++offset) EXPECT_EQ(read(offset), "");
}

TEST_F(ChannelBookTest, NothingMissedIsNoGapEvenIfTheServerCannotVouchForIt) {
  EXPECT_EQ(subscribed(42, "e"), "");
  book_.begin_connection();
  EXPECT_EQ(subscribed(42, "e", false), "");
  EXPECT_EQ(read(43), "");
}

TEST_F(ChannelBookTest, ANewEpochIsAGapOfUnknownLength) {
  EXPECT_EQ(subscribed(42, "e"), "");
  book_.begin_connection();
  EXPECT_EQ(subscribed(0, "f"), "gap in a: the channel began anew, and what followed event 42 is lost");
  EXPECT_EQ(read(1), "");
  book_.begin_connection();
  EXPECT_EQ(subscribed(3, "g"),
            "gap in a: the channel began anew, and what followed event 1 is lost, so events 1 to 3 of the "
            "new count");
  EXPECT_EQ(read(4), "");
}

TEST_F(ChannelBookTest, AChannelOfAPatternThatBeganAnewShowsByItsFirstEvent) {
  EXPECT_EQ(read(42), "");
  book_.begin_connection();
  EXPECT_EQ(read(1), "gap in a: the channel began anew, and what followed event 42 is lost");
  EXPECT_EQ(read(2), "");
  book_.begin_connection();
  EXPECT_EQ(
      read(2),
      "gap in a: the channel began anew, and what followed event 2 is lost, so event 1 of the new count");
}

TEST_F(ChannelBookTest, AChannelOfAPatternThatWentOnShowsItsGapByItsFirstEvent) {
  EXPECT_EQ(read(42), "");
  book_.begin_connection();
  EXPECT_EQ(read(50), "gap in a: events 43 to 49 missing");
}

TEST_F(ChannelBookTest, AFilteredGapSaysThatItMayBeNone) {
  book_ = ChannelBook(ChannelBook::Offsets::kWithHoles);
  EXPECT_EQ(subscribed(42, "e"), "");
  book_.begin_connection();
  EXPECT_EQ(subscribed(57, "e"),
            "gap in a: events 43 to 57 missing, as far as they have the types asked for");
}

}  // namespace
}  // namespace wskit::tap
