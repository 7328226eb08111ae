#include "common/protocol/channel_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wskit::protocol {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string filled(std::string_view text, std::vector<std::string_view> values) {
  std::string name;
  ChannelTemplate::parse(text)->fill(values, name);
  return name;
}

TEST(ChannelTemplateTest, FillsItsPlacesInOrder) {
  EXPECT_EQ(filled("market/{symbol}", {"AAPL"}), "market/AAPL");
  EXPECT_EQ(filled("{a}-{b}/x{c}", {"1", "2", "3"}), "1-2/x3");
  EXPECT_EQ(filled("plain", {}), "plain");
  EXPECT_THAT(ChannelTemplate::parse("{/a/b}/x-{1}")->places(), ElementsAre("/a/b", "1"));
}

TEST(ChannelTemplateTest, RefusesBracesThatDoNotPair) {
  EXPECT_THAT(ChannelTemplate::parse("a/{b").error().message, HasSubstr("the { at column 3 is not closed"));
  EXPECT_THAT(ChannelTemplate::parse("a}/b").error().message, HasSubstr("the } at column 2 closes nothing"));
}

TEST(ChannelTemplateTest, ReachesWhateverItsPlacesMayBecome) {
  const auto reach = [](std::string_view text) { return ChannelTemplate::parse(text)->reach().text(); };
  EXPECT_EQ(reach("market/{/a/b}"), "market/*");
  EXPECT_EQ(reach("x-{a}-{b}/c/{d}"), "*/c/*");
  EXPECT_EQ(reach("a/b"), "a/b");
}

TEST(ChannelTemplateTest, SaysWhyAValueIsNoSegment) {
  EXPECT_THAT(segment_fault("AAPL", true), IsEmpty());
  EXPECT_EQ(segment_fault("", false), "it is empty");
  EXPECT_EQ(segment_fault("a/b", false), "it holds a /");
  EXPECT_THAT(segment_fault("@all", true), HasSubstr("the server's own"));
  EXPECT_THAT(segment_fault("@all", false), IsEmpty());
  EXPECT_THAT(segment_fault("a b", false), HasSubstr("white space"));
  EXPECT_THAT(segment_fault("*", false), HasSubstr("not allowed"));
}

TEST(ChannelTemplateTest, KnowsWhichPlaceBeginsTheName) {
  EXPECT_TRUE(ChannelTemplate::parse("{a}/{b}")->begins_name(0));
  EXPECT_FALSE(ChannelTemplate::parse("{a}/{b}")->begins_name(1));
  EXPECT_FALSE(ChannelTemplate::parse("x{a}")->begins_name(0));
}

}  // namespace
}  // namespace wskit::protocol
