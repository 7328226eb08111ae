#include "common/cli/text_width.h"

#include <gtest/gtest.h>

namespace wskit::cli {
namespace {

TEST(Columns, CountCodePointsAndNoColours) {
  EXPECT_EQ(columns(""), 0U);
  EXPECT_EQ(columns("abc"), 3U);
  EXPECT_EQ(columns("é█"), 2U);
  EXPECT_EQ(columns("\x1b[1;31mab\x1b[0m"), 2U);
}

TEST(Clip, EndsInAnEllipsisWhereItCut) {
  EXPECT_EQ(clip("id 28023", 7), "id 280…");
  EXPECT_EQ(clip("é█xy", 3), "é█…");
  EXPECT_EQ(clip("abc", 1), "…");
  EXPECT_EQ(clip("abc", 0), "");
}

TEST(Clip, LeavesWhatFitsAsItIs) {
  EXPECT_EQ(clip("abc", 3), "abc");
  EXPECT_EQ(clip("abc", 9), "abc");
  EXPECT_EQ(clip("", 0), "");
}

TEST(Clip, KeepsColoursAndSetsThemBack) {
  EXPECT_EQ(clip("\x1b[31mabc\x1b[0m", 2), "\x1b[31ma…\x1b[0m");
  EXPECT_EQ(clip("\x1b[31mabc\x1b[0m", 3), "\x1b[31mabc\x1b[0m");
}

TEST(Fit, FillsUpOrEndsInAnEllipsis) {
  EXPECT_EQ(fit("ab", 4), "ab  ");
  EXPECT_EQ(fit("abcd", 4), "abcd");
  EXPECT_EQ(fit("abcde", 4), "abc…");
}

TEST(Printable, LeavesNothingThatATerminalObeys) {
  EXPECT_EQ(printable("a\x1b[2Jb\n\t\x7f"), "a [2Jb   ");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "  31m");
  EXPECT_EQ(printable("é\xc2\xa0"), "é\xc2\xa0");
  // R10
  EXPECT_EQ(printable("a\u061c\u200fb\x9b\xff\xe2\x82z"), "a  b\uFFFD\uFFFD\uFFFD\uFFFDz");
  EXPECT_EQ(printable("SELL \u202eYUB\u202c\u2066x\u2069\u2028…"), "SELL    YUB      x      …");
}

}  // namespace
}  // namespace wskit::cli
