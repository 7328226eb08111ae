#include "wsbench/sequence_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

namespace wskit::bench {
namespace {

using Verdict = SequenceCheck::Verdict;

// Hands over the numbers and says what came of them: "lost duplicates reordered".
std::string outcome(std::vector<std::uint64_t> sequences, std::uint64_t end, std::uint64_t first = 0,
                    std::uint32_t step = 1) {
  SequenceCheck check(first, step);
  for (const std::uint64_t sequence : sequences) (void)check.accept(sequence);
  return std::to_string(check.lost(end)) + " " + std::to_string(check.duplicates()) + " " +
         std::to_string(check.reordered());
}

TEST(SequenceCheckTest, EverythingOnceAndInOrderIsFaultless) { EXPECT_EQ(outcome({0, 1, 2, 3}, 4), "0 0 0"); }

TEST(SequenceCheckTest, AGapIsLost) { EXPECT_EQ(outcome({0, 1, 4, 5}, 6), "2 0 0"); }

TEST(SequenceCheckTest, WhatIsMissingAtTheEndIsLost) {
  EXPECT_EQ(outcome({0, 1}, 5), "3 0 0");
  EXPECT_EQ(outcome({}, 5), "5 0 0");
}

TEST(SequenceCheckTest, ASecondCopyIsADuplicateAndNotLost) {
  EXPECT_EQ(outcome({0, 1, 1, 2, 0}, 3), "0 2 0");
}

TEST(SequenceCheckTest, AnExchangedPairIsOneReorderedDelivery) {
  EXPECT_EQ(outcome({0, 2, 1, 3}, 4), "0 0 1");
}

TEST(SequenceCheckTest, ALateOneIsADuplicateTheSecondTime) { EXPECT_EQ(outcome({0, 2, 1, 1}, 3), "0 1 1"); }

TEST(SequenceCheckTest, PublishersOfSeveralChannelsCountInSteps) {
  EXPECT_EQ(outcome({2, 5, 8}, 11, 2, 3), "0 0 0");
  EXPECT_EQ(outcome({2, 11}, 12, 2, 3), "2 0 0");
  EXPECT_EQ(outcome({2, 11, 8, 5}, 12, 2, 3), "0 0 2");
  EXPECT_EQ(outcome({2}, 6, 2, 3), "1 0 0");
}

TEST(SequenceCheckTest, ANumberOfAnotherChannelIsForeign) {
  SequenceCheck check(2, 3);
  EXPECT_EQ(check.accept(3), Verdict::kForeign);
  EXPECT_EQ(check.accept(2), Verdict::kNext);
}

TEST(SequenceCheckTest, SaysWhatItFound) {
  SequenceCheck check(0, 1);
  EXPECT_EQ(check.accept(0), Verdict::kNext);
  EXPECT_EQ(check.accept(3), Verdict::kAhead);
  EXPECT_EQ(check.accept(2), Verdict::kLate);
  EXPECT_EQ(check.accept(2), Verdict::kDuplicate);
}

// Against the definition: every number that never came is lost, every further copy
// is a duplicate, every one that came after a larger one is reordered.
TEST(SequenceCheckTest, AgreesWithTheDefinitionOnRandomStreams) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::uint64_t> stream;
    for (std::uint64_t sequence = 0; sequence < 60; ++sequence) {
      const std::uint64_t dice = random() % 10;
      if (dice == 0) continue;
      stream.push_back(sequence);
      if (dice == 1) stream.push_back(sequence);
    }
    for (int swaps = 0; swaps < 10; ++swaps) {
      const std::size_t at = random() % (stream.size() - 5);
      std::swap(stream[at], stream[at + random() % 5]);
    }
    std::set<std::uint64_t> seen;
    std::uint64_t duplicates = 0;
    std::uint64_t reordered = 0;
    for (const std::uint64_t sequence : stream) {
      if (seen.contains(sequence)) {
        ++duplicates;
      } else if (!seen.empty() && sequence < *seen.rbegin()) {
        ++reordered;
      }
      seen.insert(sequence);
    }
    const std::string truth =
        std::to_string(60 - seen.size()) + " " + std::to_string(duplicates) + " " + std::to_string(reordered);
    ASSERT_EQ(outcome(stream, 60), truth) << "round " << round;
  }
}

}  // namespace
}  // namespace wskit::bench
