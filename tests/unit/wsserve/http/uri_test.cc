#include "wsserve/http/uri.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wskit::server::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;
using testing::Pair;

TEST(UriTest, DecodesEscapesOfBothCases) {
  EXPECT_THAT(percent_decode("market%2fBTC%2DUSD"), Optional(std::string("market/BTC-USD")));
  EXPECT_THAT(percent_decode("gr%C3%BC%c3%9fe"), Optional(std::string("grüße")));
  EXPECT_THAT(percent_decode("%00%ff"), Optional(std::string("\0\xFF", 2)));
  EXPECT_THAT(percent_decode(""), Optional(std::string()));
}

TEST(UriTest, DecodesOnlyOnce) { EXPECT_THAT(percent_decode("%2541"), Optional(std::string("%41"))); }

TEST(UriTest, TakesPlusForASpaceOnlyInAQuery) {
  EXPECT_THAT(percent_decode("a+b"), Optional(std::string("a+b")));
  EXPECT_THAT(percent_decode("a+b%2B", true), Optional(std::string("a b+")));
}

TEST(UriTest, RefusesAMalformedEscape) {
  for (const std::string_view bad :
       {"%", "%4", "a%", "a%4", "%g0", "%0g", "%+1", "%-1", "% 1", "%0x41", "%%41"}) {
    EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
    EXPECT_EQ(parse_query(bad), std::nullopt) << bad;
  }
}

TEST(UriTest, ParsesAQueryInOrder) {
  const auto parameters = parse_query("b=2&a=1%262&b=3");
  ASSERT_TRUE(parameters.has_value());
  EXPECT_THAT(*parameters, ElementsAre(Pair("b", "2"), Pair("a", "1&2"), Pair("b", "3")));
}

TEST(UriTest, TakesEveryShapeOfAParameter) {
  const auto parameters = parse_query("&flag&&empty=&=value&a=b=c&sp+ace=%20&");
  ASSERT_TRUE(parameters.has_value());
  EXPECT_THAT(*parameters, ElementsAre(Pair("flag", ""), Pair("empty", ""), Pair("", "value"),
                                       Pair("a", "b=c"), Pair("sp ace", " ")));
}

TEST(UriTest, FindsNothingInAnEmptyQuery) {
  const auto parameters = parse_query("");
  ASSERT_TRUE(parameters.has_value());
  EXPECT_THAT(*parameters, IsEmpty());
}

TEST(UriTest, SplitsAListAndPassesOverEmptyParts) {
  EXPECT_THAT(split_list("a,b,,c,"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(split_list("one"), ElementsAre("one"));
  EXPECT_THAT(split_list(" a , b"), ElementsAre(" a ", " b"));
  EXPECT_THAT(split_list(""), IsEmpty());
  EXPECT_THAT(split_list(",,"), IsEmpty());
}

}  // namespace
}  // namespace wskit::server::http
