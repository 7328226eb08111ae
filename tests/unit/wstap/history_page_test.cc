#include "wstap/history_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace wskit::tap {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(HistoryPage, KeepsTheEventsAsTheyCame) {
  const std::string text =
      R"({"type":"history","id":4,"timestamp":"2026-11-20T10:00:00Z","data":{"channel":"a","events":[)"
      R"({"data": {"n":  1.50, "s":"]}"}} , {"n":18446744073709551616}],"offset":43,"epoch":"e","oldest":41,)"
      R"("recovered":true,"complete":false}})";
  const auto page = parse_history_page(text);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->id, "4");
  EXPECT_EQ(page->timestamp, "2026-11-20T10:00:00Z");
  EXPECT_THAT(page->events,
              ElementsAre(R"({"data": {"n":  1.50, "s":"]}"}})", R"({"n":18446744073709551616})"));
  EXPECT_EQ(page->offset, 43U);
  EXPECT_EQ(page->epoch, "e");
  EXPECT_EQ(page->oldest, 41U);
  EXPECT_TRUE(page->recovered);
  EXPECT_FALSE(page->complete);
}

TEST(HistoryPage, MayBeEmpty) {
  const auto page = parse_history_page(
      R"({"type":"history","id":4,"data":{"events":[],"offset":0,"epoch":"","complete":true}})");
  ASSERT_TRUE(page);
  EXPECT_THAT(page->events, IsEmpty());
  EXPECT_TRUE(page->complete);
  EXPECT_FALSE(page->recovered);
}

TEST(HistoryPage, IsNothingElse) {
  for (const char* text : {"", "{", "[]", "42", R"({"type":"history"})", R"({"type":"history","data":[]})",
                           R"({"type":"history","data":{"events":[]}})",
                           R"({"type":"history","data":{"offset":"1","events":[]}})",
                           R"({"type":"history","data":{"offset":1,"events":{}}})",
                           R"({"type":"pong","data":{"offset":1,"events":[]}})",
                           R"({"type":"history","data":{"offset":1,"events":[]}} x)"}) {
    EXPECT_FALSE(parse_history_page(text)) << text;
  }
}

TEST(HistoryPage, HasAPlaceThatMayBeKeptInACursorAndSentBack) {
  const auto is_page = [](const std::string& place) {
    return parse_history_page(R"({"type":"history","id":4,"data":{"events":[],)" + place + "}}").has_value();
  };
  EXPECT_TRUE(is_page(R"("offset":9223372036854775807,"epoch":"5qkp2sk9","oldest":1)"));
  EXPECT_TRUE(is_page(R"("offset":0,"epoch":null)"));
  EXPECT_FALSE(is_page(R"("offset":9223372036854775808,"epoch":"e","oldest":1)"));
  EXPECT_FALSE(is_page(R"("offset":1,"epoch":"e","oldest":0)")) << "nothing is before the first";
  EXPECT_FALSE(is_page(R"("offset":1,"epoch":"e","oldest":18446744073709551615)"));
  EXPECT_FALSE(is_page(R"("offset":1,"epoch":"no epoch","oldest":1)"));
  EXPECT_FALSE(is_page(R"("offset":1,"epoch":"a\"b","oldest":1)"));
}

TEST(HistoryCommand, AsksForOnePage) {
  EXPECT_EQ(history_command("4", "a\"b", protocol::FromStart{}, 10),
            R"({"action":"history","id":4,"channel":"a\"b","since":"start","limit":10})");
}

}  // namespace
}  // namespace wskit::tap
