#include "common/protocol/json_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "common/protocol/json_value.h"

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

// F11: integers of any length are compared digit by digit.
TEST(JsonNumbers, IntegersAreComparedExactly) {
  for (const auto& [a, b] :
       std::vector<std::pair<const char*, const char*>>{{"1", "1.0"},
                                                        {"1", "1e0"},
                                                        {"100", "1e2"},
                                                        {"100", "1.00E+2"},
                                                        {"0", "-0.0"},
                                                        {"0", "0e999"},
                                                        {"1545913818099033203", "1545913818099033203.0"},
                                                        {"15", "150e-1"},
                                                        {"0.5", "5e-1"},
                                                        {"0.1", "0.1000000000000000055511151231257827"},
                                                        {"1e400", "10e399"}}) {
    EXPECT_TRUE(equal_numbers(a, b)) << a << " " << b;
    EXPECT_TRUE(equal_numbers(b, a)) << a << " " << b;
  }
  for (const auto& [a, b] :
       std::vector<std::pair<const char*, const char*>>{{"1545913818099033203", "1545913818099033204"},
                                                        {"9007199254740992", "9007199254740993"},
                                                        {"9007199254740993", "9007199254740993.5"},
                                                        {"1", "-1"},
                                                        {"0", "1e-999"},
                                                        {"18446744073709551615", "18446744073709551616"},
                                                        {"1e400", "1e401"},
                                                        {"0.1", "0.2"},
                                                        {"1", "1e99999999999999999999"}}) {
    EXPECT_FALSE(equal_numbers(a, b)) << a << " " << b;
    EXPECT_FALSE(equal_numbers(b, a)) << a << " " << b;
  }
}

}  // namespace
}  // namespace wskit::protocol
