#include "wsserve/http/field_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wskit::server::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(FieldValueTest, AListHasItsItemsWithoutTheEmptyOnes) {
  EXPECT_THAT(list_items("keep-alive, Upgrade"), ElementsAre("keep-alive", "Upgrade"));
  EXPECT_THAT(list_items(",, a ,\t,b,"), ElementsAre("a", "b"));
  EXPECT_THAT(list_items(" , "), IsEmpty());
  EXPECT_THAT(list_items(""), IsEmpty());
}

TEST(FieldValueTest, TokensAreTheSameInUpperAndLowerCase) {
  EXPECT_TRUE(same_token("WebSocket", "websocket"));
  EXPECT_FALSE(same_token("websocket", "websockets"));
  EXPECT_FALSE(same_token("\xC4", "\xE4")) << "letters past ASCII are bytes";
  EXPECT_FALSE(same_token("[", "{"));
}

TEST(FieldValueTest, LowerCaseIsForTheLettersOfAscii) {
  EXPECT_EQ(lower_case("LocalHost:80[Z"), "localhost:80[z");
  EXPECT_EQ(lower_case("\xC4"), "\xC4");
}

}  // namespace
}  // namespace wskit::server::http
