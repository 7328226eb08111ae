#include "wspub/totals.h"

#include <gtest/gtest.h>

namespace wskit::pub {
namespace {

TEST(Totals, TheSummaryNamesEveryNumber) {
  Totals totals;
  totals.read = 9946;
  totals.acknowledged = 9943;
  totals.duplicates = 2;
  totals.skipped = 3;
  totals.dropped = 9;
  totals.left = 4;
  totals.kept = 6;
  totals.unacknowledged = 7;
  totals.reconnects = 1;
  totals.elapsed = std::chrono::milliseconds(2000);
  EXPECT_EQ(summary(totals, DoneWord::kAcknowledged),
            "read 9946, acknowledged 9943 (2 duplicates), skipped 3, dropped 5, not published 4, kept 6, "
            "unacknowledged 7, reconnects 1, in 2.00 s (4972 lines/s)");
}

// U12
TEST(Totals, WhatDidNotHappenIsNotTold) {
  Totals totals;
  totals.read = totals.acknowledged = 1;
  EXPECT_TRUE(totals.is_plain());
  EXPECT_EQ(summary(totals, DoneWord::kAcknowledged), "read 1, acknowledged 1, in 0.00 s");
  totals.sent_again = 7;
  EXPECT_FALSE(totals.is_plain());
  EXPECT_EQ(summary(totals, DoneWord::kAcknowledged), "read 1, acknowledged 1, sent again 7, in 0.00 s");
}

TEST(Totals, WithoutAcknowledgementsNothingIsCalledAcknowledged) {
  Totals totals;
  totals.read = 2;
  totals.acknowledged = 1;
  totals.refused = 1;
  EXPECT_EQ(summary(totals, DoneWord::kSent), "read 2, sent 1, refused 1, in 0.00 s");
}

}  // namespace
}  // namespace wskit::pub
