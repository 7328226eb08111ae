#include "common/text.h"

#include <gtest/gtest.h>

namespace wskit {
namespace {

TEST(TextTest, TrimsWhiteSpaceAtBothEndsAndNoneWithin) {
  EXPECT_EQ(trim(" \t\r\n a \n b\t \r\n"), "a \n b");
  EXPECT_EQ(trim("a"), "a");
  EXPECT_EQ(trim(" \n "), "");
  EXPECT_EQ(trim(""), "");
}

TEST(TextTest, TrimsBlanksAndTabsAloneAroundAFieldsValue) {
  EXPECT_EQ(trim(" \t a b\t ", kFieldWhiteSpace), "a b");
  EXPECT_EQ(trim(" \t ", kFieldWhiteSpace), "");
  EXPECT_EQ(trim("\r\na", kFieldWhiteSpace), "\r\na");
}

TEST(TextTest, OneIsTheOnlyCountWithoutAPlural) {
  EXPECT_EQ(counted(0, "event"), "0 events");
  EXPECT_EQ(counted(1, "event"), "1 event");
  EXPECT_EQ(counted(2, "more channel"), "2 more channels");
  EXPECT_EQ(counted(UINT64_MAX, "byte"), "18446744073709551615 bytes");
}

}  // namespace
}  // namespace wskit
