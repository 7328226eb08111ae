#include "wspub/channel_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wskit::pub {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string render(std::string_view text, std::string_view line, std::string_view data = {}) {
  const auto parsed = ChannelTemplate::parse(text);
  if (!parsed) return "template error: " + parsed.error().message;
  std::string channel;
  const auto rendered = parsed->render(Fields(line, line, data.empty() ? line : data), channel);
  return rendered ? channel
                  : "error at " + std::to_string(rendered.error().column) + ": " + rendered.error().reason;
}

TEST(ChannelTemplate, AFixedNameNeedsNoFields) {
  EXPECT_EQ(render("market/AAPL", "{}"), "market/AAPL");
  EXPECT_TRUE(ChannelTemplate::parse("market/AAPL")->is_fixed());
  EXPECT_FALSE(ChannelTemplate::parse("market/{s}")->is_fixed());
}

TEST(ChannelTemplate, StringsNumbersAndBooleansBecomeSegments) {
  constexpr std::string_view kLine = R"({"s":"BTC-USD","n":1.50,"big":12345678901234567890,"b":true})";
  EXPECT_EQ(render("market/{s}", kLine), "market/BTC-USD");
  EXPECT_EQ(render("{n}/{b}", kLine), "1.50/true");
  EXPECT_EQ(render("run/{big}", kLine), "run/12345678901234567890");
}

TEST(ChannelTemplate, FieldsMayBePartsOfASegmentAndNested) {
  constexpr std::string_view kLine = R"({"a":{"b":[{"c":"x"}]},"d":"y"})";
  EXPECT_EQ(render("p-{a.b[0].c}-{.d}/end", kLine), "p-x-y/end");
}

TEST(ChannelTemplate, StringsAreTakenAsTheTextTheyStandFor) {
  EXPECT_EQ(render("c/{s}", R"({"s":"caf\u00e9"})"), "c/café");
}

TEST(ChannelTemplate, LooksInTheLineBeforeItsData) {
  constexpr std::string_view kLine = R"({"run":"top","data":{"run":"inner","only":"here"}})";
  constexpr std::string_view kData = R"({"run":"inner","only":"here"})";
  const std::string_view data = kLine.substr(kLine.find(kData), kData.size());
  EXPECT_EQ(render("backtest/{run}", kLine, data), "backtest/top");
  EXPECT_EQ(render("backtest/{only}", kLine, data), "backtest/here");
}

TEST(ChannelTemplate, AMissingFieldIsNamed) {
  EXPECT_EQ(render("market/{symbol}", R"({"sym":"A"})"), "error at 0: no field .symbol");
}

TEST(ChannelTemplate, AValueThatIsNoScalarIsRefusedAtItsColumn) {
  EXPECT_THAT(render("market/{s}", R"({"s":[1]})"), AllOf(HasSubstr("error at 6"), HasSubstr("an array")));
  EXPECT_THAT(render("market/{s}", R"({"s":null})"), HasSubstr("is null"));
}

TEST(ChannelTemplate, AValueThatIsNoSegmentIsRefusedWithTheReason) {
  EXPECT_THAT(render("market/{s}", R"({"s":""})"), HasSubstr("empty"));
  EXPECT_THAT(
      render("market/{s}", R"({"s":"EUR/USD"})"),
      AllOf(HasSubstr("error at 6"), HasSubstr("EUR/USD"), HasSubstr("{.s|segment} makes it EUR~2FUSD")));
  EXPECT_THAT(render("market/{s}", R"({"s":"BRK B"})"), HasSubstr("white space"));
  EXPECT_THAT(render("market/{s}", R"({"s":"*"})"), HasSubstr("\"*\""));
  EXPECT_THAT(render("market/{s}", R"({"s":"a\u0000b"})"), HasSubstr("control character"));
  EXPECT_THAT(render("{s}/x", R"({"s":"@user"})"), HasSubstr("the server's own"));
  EXPECT_EQ(render("x{s}", R"({"s":"@user"})"), "x@user");
}

TEST(ChannelTemplate, WhoMayPublishInTheServersSpaceIsForTheServerToSay) {
  EXPECT_EQ(render("@all", "{}"), "@all");
  EXPECT_EQ(render("@user/{s}", R"({"s":"ann"})"), "@user/ann");
  EXPECT_THAT(render("@user/{s}", R"({"s":"*"})"), HasSubstr("\"*\""));
}

// U7
TEST(ChannelTemplate, AnyValueFillsAPlaceThatEncodesIt) {
  EXPECT_EQ(render("market/{s|segment}", R"({"s":"BTC/USD"})"), "market/BTC~2FUSD");
  EXPECT_EQ(render("{.s|segment}/x", R"({"s":"@user"})"), "~40user/x");
  EXPECT_EQ(render("market/{s|segment}", R"({"s":""})"), "market/~");
}

TEST(ChannelTemplate, OrGetsAnotherTextForWhatItCannotHold) {
  const auto parsed = ChannelTemplate::parse("market/{s}", "-");
  std::string channel;
  constexpr std::string_view kLine = R"({"s":"BTC/USD","e":""})";
  ASSERT_TRUE(parsed->render(Fields(kLine, kLine, kLine), channel));
  EXPECT_EQ(channel, "market/BTC-USD");
  EXPECT_FALSE(ChannelTemplate::parse("market/{e}", "-")->render(Fields(kLine, kLine, kLine), channel));
}

TEST(ChannelTemplate, AChannelThatGrowsTooLongIsRefused) {
  const std::string half(130, 'a');
  EXPECT_THAT(render("{s}/{s}", R"({"s":")" + half + R"("})"), HasSubstr("at most 255"));
}

TEST(ChannelTemplate, RefusesTemplatesThatCanNeverMakeAChannel) {
  EXPECT_THAT(render("market/{s", "{}"), HasSubstr("the { at column 8 is not closed"));
  EXPECT_THAT(render("market/}", "{}"), HasSubstr("closes nothing"));
  EXPECT_THAT(render("market/{}", "{}"), HasSubstr("a field name is missing"));
  EXPECT_THAT(render("market/*", "{}"), HasSubstr("pattern"));
  EXPECT_THAT(render("market//{s}", "{}"), HasSubstr("template error"));
  EXPECT_THAT(render("mar ket/{s}", "{}"), HasSubstr("white space"));
  EXPECT_THAT(render("", "{}"), HasSubstr("template error"));
}

}  // namespace
}  // namespace wskit::pub
