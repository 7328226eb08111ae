#include "common/cli/text_width.h"

#include <gtest/gtest.h>

#include <clocale>
#include <cstdlib>
#include <cwchar>

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

TEST(Columns, CountTwoForWideCharactersAndNoneForMarks) {
  EXPECT_EQ(columns("東京"), 4U);
  EXPECT_EQ(columns("한"), 2U);
  EXPECT_EQ(columns("ｆ"), 2U) << "full width";
  EXPECT_EQ(columns("ｱ"), 1U) << "half width";
  EXPECT_EQ(columns("🚀"), 2U);
  EXPECT_EQ(columns("e\u0301"), 1U) << "a combining accent";
  EXPECT_EQ(columns("\u200d\ufe0f"), 0U) << "a joiner and a variation selector";
}

TEST(Columns, CountSomethingForWhatIsNoCharacter) {
  EXPECT_EQ(columns("a\x07\x7f\xc2\x9b"), 1U) << "control characters";
  EXPECT_EQ(columns("\xff\xe6\x9d"), 3U) << "bytes that are no UTF-8";
  EXPECT_EQ(columns("\U000e0fff"), 1U) << "assigned to nothing yet";
}

TEST(Columns, DoNotDependOnTheLocaleAndLeaveItAlone) {
  ASSERT_STREQ(std::setlocale(LC_ALL, nullptr), "C");  // NOLINT(concurrency-mt-unsafe): one thread
  EXPECT_EQ(columns("東"), 2U);
  EXPECT_EQ(uselocale(nullptr), LC_GLOBAL_LOCALE);
  EXPECT_EQ(wcwidth(L'東'), -1) << "nobody else's text is counted otherwise";
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

TEST(Clip, CutsNoWideCharacterInHalfAndNoMarkFromItsLetter) {
  EXPECT_EQ(clip("東京都", 6), "東京都");
  EXPECT_EQ(clip("東京都", 5), "東京…");
  EXPECT_EQ(clip("東京都", 4), "東…") << "there is no half of a character to fill the column";
  EXPECT_EQ(clip("ae\u0301xy", 3), "ae\u0301…");
  EXPECT_EQ(clip("abe\u0301\u0302\u0303x", 3), "ab…");
}

TEST(Clip, KeepsColoursAndSetsThemBack) {
  EXPECT_EQ(clip("\x1b[31mabc\x1b[0m", 2), "\x1b[31ma…\x1b[0m");
  EXPECT_EQ(clip("\x1b[31mabc\x1b[0m", 3), "\x1b[31mabc\x1b[0m");
}

TEST(Fit, FillsUpOrEndsInAnEllipsis) {
  EXPECT_EQ(fit("ab", 4), "ab  ");
  EXPECT_EQ(fit("abcd", 4), "abcd");
  EXPECT_EQ(fit("abcde", 4), "abc…");
  EXPECT_EQ(fit("東", 4), "東  ");
  EXPECT_EQ(fit("東京都", 4), "東… ");
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
  EXPECT_EQ(fit_end("東京都", 5), "…京都");
  EXPECT_EQ(fit_end("東京都", 4), "…都 ");
  EXPECT_EQ(fit_end("xye\u0301ab", 3), "…ab");
}

// U10
TEST(Wrap, BreaksAtBlanksAndKeepsTheMargin) {
  EXPECT_EQ(wrap("10:00 one two three", 13, 6), "10:00 one two\n      three");
  EXPECT_EQ(wrap("10:00 one twoxthree", 13, 6), "10:00 one\n      twoxthr\n      ee");
  EXPECT_EQ(wrap("10:00 abcdefghijklm", 13, 6), "10:00 abcdefg\n      hijklm");
  EXPECT_EQ(wrap("short", 13, 6), "short");
  EXPECT_EQ(wrap("\x1b[31mab cd\x1b[0m", 3, 1), "\x1b[31mab\n cd\x1b[0m");
  EXPECT_EQ(wrap("", 3, 1), "");
  EXPECT_EQ(wrap("株 東京都", 7, 2), "株 東京\n  都");
  EXPECT_EQ(wrap("株 東京都", 6, 1), "株\n 東京\n 都");
  EXPECT_EQ(wrap("東京", 2, 1), "東\n 京");
  EXPECT_EQ(wrap("東京", 1, 0), "東\n京");
  EXPECT_EQ(wrap("ab東", 3, 2), "ab\n  東");
  EXPECT_EQ(wrap("cafe\u0301 au", 4, 0), "cafe\u0301\nau");
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
