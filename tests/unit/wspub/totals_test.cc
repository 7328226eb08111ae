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
  totals.reconnects = 1;
  totals.elapsed = std::chrono::milliseconds(500);
  EXPECT_EQ(
      summary(totals, DoneWord::kAcknowledged),
      "read 9946, acknowledged 9943 (2 duplicates), skipped 3, dropped 0, unacknowledged 0, reconnects 1, "
      "in 0.50s (19886 lines/s)");
}

TEST(Totals, SaysWhatWasSentAgainOnlyWhereAnythingWas) {
  Totals totals;
  totals.sent_again = 7;
  EXPECT_EQ(summary(totals, DoneWord::kAcknowledged),
            "read 0, acknowledged 0 (0 duplicates), skipped 0, dropped 0, unacknowledged 0, reconnects 0, "
            "sent again 7, in 0.00s");
}

TEST(Totals, WithoutAcknowledgementsNothingIsCalledAcknowledged) {
  Totals totals;
  totals.read = 2;
  totals.acknowledged = 1;
  totals.refused = 1;
  EXPECT_EQ(summary(totals, DoneWord::kSent),
            "read 2, sent 1, skipped 0, refused 1, dropped 0, reconnects 0, in 0.00s");
}

}  // namespace
}  // namespace wskit::pub
