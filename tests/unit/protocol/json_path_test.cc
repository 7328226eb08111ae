#include "common/protocol/json_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wskit::protocol {
namespace {

using testing::HasSubstr;

constexpr std::string_view kLine =
    R"({"a":{"b":1, "c d":[10,[20,{"e":"x"}]]},"a.b":2,"n":null,"twice":1,"twice":2,"\u0065sc":3})";

std::string find(std::string_view path) {
  const auto parsed = JsonPath::parse(path);
  if (!parsed) return "error: " + parsed.error().message;
  const auto found = parsed->find(kLine);
  return found ? std::string(*found) : "none";
}

TEST(JsonPath, FindsMembersWithAndWithoutTheFirstDot) {
  EXPECT_EQ(find(".a.b"), "1");
  EXPECT_EQ(find("a.b"), "1");
  EXPECT_EQ(find(".n"), "null");
}

TEST(JsonPath, FindsElementsOfNestedArrays) {
  EXPECT_EQ(find(R"(.a["c d"][0])"), "10");
  EXPECT_EQ(find(R"(.a["c d"][1][1].e)"), R"("x")");
  EXPECT_EQ(find(R"(a.["c d"][1][0])"), "20");
}

TEST(JsonPath, FindsNamesWithDotsInQuotes) { EXPECT_EQ(find(R"(.["a.b"])"), "2"); }

TEST(JsonPath, TheDotAloneIsTheWholeLine) { EXPECT_EQ(find("."), kLine); }

TEST(JsonPath, FindsANameThatIsWrittenWithEscapes) { EXPECT_EQ(find(".esc"), "3"); }

TEST(JsonPath, TakesTheLastOfTwoMembersWithOneName) { EXPECT_EQ(find(".twice"), "2"); }

TEST(JsonPath, FindsNothingWhereTheStepDoesNotFitTheValue) {
  EXPECT_EQ(find(".missing"), "none");
  EXPECT_EQ(find(".a[0]"), "none");
  EXPECT_EQ(find(".a.b.c"), "none");
  EXPECT_EQ(find(R"(.a["c d"].e)"), "none");
  EXPECT_EQ(find(R"(.a["c d"][2])"), "none");
  EXPECT_EQ(find(".n.x"), "none");
}

TEST(JsonPath, FindsWhatAPointerPointsAt) {
  EXPECT_EQ(find("/a/b"), "1");
  EXPECT_EQ(find("/a/c d/1/1/e"), R"("x")");
  EXPECT_EQ(find("/a.b"), "2");
  EXPECT_EQ(find("/a/c d/01"), "none");
  EXPECT_EQ(find("/a/0"), "none");
  const auto odd = JsonPath::parse("/x~1y/m~0n//7");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->find(R"({"x/y":{"m~n":{"":{"7":"it"}}}})"), R"("it")");
  EXPECT_THAT(find("/a~2"), HasSubstr("~0 or ~1 is expected at column 3"));
  EXPECT_THAT(find("/a~"), HasSubstr("~0 or ~1 is expected at column 3"));
}

TEST(JsonPath, RefusesMalformedPathsAndNamesTheColumn) {
  EXPECT_THAT(find(""), HasSubstr("a field name is missing"));
  EXPECT_THAT(find(".a."), HasSubstr("at column 4"));
  EXPECT_THAT(find("a..b"), HasSubstr("at column 3"));
  EXPECT_THAT(find(".a[-1]"), HasSubstr("an index from 0"));
  EXPECT_THAT(find(".a[1"), HasSubstr("\"]\" is expected at column 5"));
  EXPECT_THAT(find(R"(.a["x)"), HasSubstr("closing quote"));
  EXPECT_THAT(find(".a[0]b"), HasSubstr("a field name is expected at column 6"));
  EXPECT_THAT(find(".a[99999999999999999999]"), HasSubstr("an index from 0"));
}

}  // namespace
}  // namespace wskit::protocol
