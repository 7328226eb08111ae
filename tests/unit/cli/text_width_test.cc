#include "common/cli/text_width.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace wskit::cli {
namespace {

// NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread
[[maybe_unused]] const int kUnicode = setenv("LC_ALL", "C.UTF-8", 1);

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

// U16: LC_ALL=C is answered in ASCII.
TEST(Clip, IsAsciiWhereTheLocaleIs) {
  setenv("LC_ALL", "C", 1);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_FALSE(takes_unicode());
  EXPECT_EQ(clip("id 28023", 7), "id 280~");
  EXPECT_EQ(fit_end("market/AAPL", 6), "~/AAPL");
  setenv("LC_ALL", "de_DE.utf8", 1);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_TRUE(takes_unicode());
  setenv("LC_ALL", "C.UTF-8", 1);  // NOLINT(concurrency-mt-unsafe)
}

TEST(FitEnd, KeepsTheEnd) {
  EXPECT_EQ(fit_end("ab", 4), "ab  ");
  EXPECT_EQ(fit_end("backtest/bt-42", 8), "…t/bt-42");
}

// U10
TEST(Wrap, BreaksAtBlanksAndKeepsTheMargin) {
  EXPECT_EQ(wrap("10:00 one two three", 13, 6), "10:00 one two\n      three");
  EXPECT_EQ(wrap("10:00 one twoxthree", 13, 6), "10:00 one\n      twoxthr\n      ee");
  EXPECT_EQ(wrap("10:00 abcdefghijklm", 13, 6), "10:00 abcdefg\n      hijklm");
  EXPECT_EQ(wrap("short", 13, 6), "short");
  EXPECT_EQ(wrap("\x1b[31mab cd\x1b[0m", 3, 1), "\x1b[31mab\n cd\x1b[0m");
  EXPECT_EQ(wrap("", 3, 1), "");
}

TEST(Printable, LeavesNothingThatATerminalObeys) {
  EXPECT_EQ(printable("a\x1b[2Jb\n\t\x7f"), "a [2Jb   ");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            " 31m");
  EXPECT_EQ(printable("é\xc2\xa0"), "é\xc2\xa0");
  // R10
  EXPECT_EQ(printable("a\u061c\u200fb\x9b\xff\xe2\x82z"), "a  b\uFFFD\uFFFD\uFFFD\uFFFDz");
  EXPECT_EQ(printable("SELL \u202eYUB\u202c\u2066x\u2069\u2028…"), "SELL  YUB  x  …");
}

}  // namespace
}  // namespace wskit::cli
