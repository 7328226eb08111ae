#include "common/protocol/channel.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace wskit::protocol {
namespace {

using ::testing::HasSubstr;

// The message of a refusal; empty for a valid name.
std::string refusal(std::string_view name) {
  const Result<void> checked = check_channel(name);
  if (checked) return "";
  EXPECT_EQ(checked.error().code, ErrorCode::kBadChannel);
  return checked.error().message;
}

std::string pattern_refusal(std::string_view text) {
  const Result<Pattern> pattern = Pattern::parse(text);
  if (pattern) return "";
  EXPECT_EQ(pattern.error().code, ErrorCode::kBadChannel);
  return pattern.error().message;
}

bool covers(std::string_view wide, std::string_view narrow) {
  return Pattern::parse(wide).value().covers(Pattern::parse(narrow).value());
}

bool matches(std::string_view pattern, std::string_view channel) {
  EXPECT_EQ(refusal(channel), "");
  return Pattern::parse(pattern).value().matches(channel);
}

std::string segments(std::size_t count, std::string_view segment = "a") {
  return fmt::format("{}", fmt::join(std::vector(count, segment), "/"));
}

TEST(ChannelTest, AcceptsNames) {
  for (const std::string_view name :
       {"a", "market/AAPL", "agents/news", "backtest/bt-42/control", "session/42", "BTC-USD",
        "a.b:c;d,e=f&g+h(i)[j]", "!$%'^_`|~<>-", "børs/日本/😀", "@user/ann", "@all", "@presence/market/AAPL",
        "a/@b", "user@example"}) {
    EXPECT_EQ(refusal(name), "") << name;
  }
}

// F14: `GET /history/a/../b` is `GET /history/b` to every client.
TEST(ChannelTest, RefusesSegmentsThatNoAddressReaches) {
  for (const std::string_view name : {".", "..", "./a", "a/./b", "a/..", "../../etc", "@user/.."}) {
    EXPECT_THAT(refusal(name), HasSubstr("which no address can hold")) << name;
    EXPECT_THAT(pattern_refusal(name), HasSubstr("which no address can hold")) << name;
  }
  EXPECT_THAT(refusal("a/../b"), HasSubstr("segment 2 is . or .., which no address can hold (byte 2)"));
  EXPECT_THAT(pattern_refusal("../*"), HasSubstr("segment 1"));
  for (const std::string_view name : {"...", "a/.b", "a/b.", "a/..b/c", ".well-known/x"}) {
    EXPECT_EQ(refusal(name), "") << name;
  }
}

TEST(ChannelTest, HasOneTo255Bytes) {
  EXPECT_THAT(refusal(""), HasSubstr("is empty"));
  EXPECT_EQ(refusal(std::string(255, 'x')), "");
  EXPECT_THAT(refusal(std::string(256, 'x')), HasSubstr("256 bytes; at most 255"));
  std::string wide;
  for (int i = 0; i < 85; ++i) wide += "日";
  EXPECT_EQ(refusal(wide), "");
  EXPECT_THAT(refusal(wide + "x"), HasSubstr("256 bytes"));
}

TEST(ChannelTest, HasOneTo16Segments) {
  EXPECT_EQ(refusal(segments(16)), "");
  EXPECT_THAT(refusal(segments(17)), HasSubstr("more than 16 segments"));
}

TEST(ChannelTest, HasNoEmptySegment) {
  EXPECT_THAT(refusal("/"), HasSubstr("segment 1 is empty"));
  EXPECT_THAT(refusal("/a"), HasSubstr("segment 1 is empty"));
  EXPECT_THAT(refusal("a/"), HasSubstr("segment 2 is empty"));
  EXPECT_THAT(refusal("a//b"), HasSubstr("segment 2 is empty"));
  EXPECT_THAT(refusal("a/b//"), HasSubstr("segment 3 is empty"));
}

TEST(ChannelTest, HasNoCharacterOfPatternsTemplatesOrAddresses) {
  for (const char c : std::string_view("*{}?#\"\\")) {
    for (const std::string& name :
         {fmt::format("{}", c), fmt::format("a{}", c), fmt::format("{}b", c), fmt::format("a/{}/b", c)}) {
      EXPECT_THAT(refusal(name), HasSubstr("not allowed")) << name;
    }
  }
}

TEST(ChannelTest, HasNoControlCharacter) {
  for (int byte = 0; byte < 0x20; ++byte) {
    EXPECT_THAT(refusal(fmt::format("a{}", static_cast<char>(byte))), HasSubstr("(byte 1)")) << byte;
  }
  EXPECT_THAT(refusal("a\x7f"), HasSubstr("control characters"));
  EXPECT_THAT(refusal("a\xC2\x80"), HasSubstr("control characters"));
  EXPECT_THAT(refusal("a\xC2\x9F"), HasSubstr("control characters"));
}

TEST(ChannelTest, HasNoWhiteSpaceOfAnyKind) {
  for (const std::string_view space :
       {" ", "\t", "\n", "\v", "\f", "\r", "\u0085", "\u00A0", "\u1680", "\u2000", "\u2003", "\u200A",
        "\u2028", "\u2029", "\u202F", "\u205F", "\u3000"}) {
    EXPECT_THAT(refusal(fmt::format("a{}b", space)), HasSubstr("white space"))
        << testing::PrintToString(space);
  }
  // Neighbours of those in Unicode that are not white space.
  for (const std::string_view other :
       {"\u00A1", "\u167F", "\u1681", "\u200B", "\u2027", "\u202E", "\u3001"}) {
    EXPECT_EQ(refusal(fmt::format("a{}b", other)), "") << testing::PrintToString(other);
  }
}

TEST(ChannelTest, IsUtf8) {
  EXPECT_THAT(refusal("a/\xFF"), HasSubstr("not valid UTF-8 (byte 2)"));
  EXPECT_THAT(refusal("a\xE2\x82"), HasSubstr("not valid UTF-8 (byte 1)"));
  EXPECT_THAT(refusal("\xC0\xAF"), HasSubstr("not valid UTF-8"));
  EXPECT_THAT(refusal("\xED\xA0\x80"), HasSubstr("not valid UTF-8"));
}

TEST(ChannelTest, ARefusalNamesTheChannelAndThePlaceInItsDetails) {
  const Error error = check_channel("a/b?c").error();
  EXPECT_EQ(error.message, "channel \"a/b?c\": the character ? is not allowed (byte 3)");
  EXPECT_EQ(error.details, R"({"channel":"a/b?c","position":3})");
}

TEST(ChannelTest, ARefusalIsJsonWhateverTheNameHolds) {
  for (const std::string& name : {std::string("\xFF\xFE"), std::string("a\"b"), std::string("a\\b"),
                                  std::string("\0", 1), std::string(1000, '\xE9'), std::string(1000, '"')}) {
    const Error error = check_channel(name).error();
    EXPECT_TRUE(nlohmann::json::accept(error.details)) << error.details;
    EXPECT_TRUE(nlohmann::json::accept(nlohmann::json(error.message).dump())) << error.message;
  }
}

TEST(ChannelTest, OnlyAStarMakesAPattern) {
  EXPECT_TRUE(looks_like_pattern("*"));
  EXPECT_TRUE(looks_like_pattern("a/**"));
  EXPECT_TRUE(looks_like_pattern("a*"));
  EXPECT_FALSE(looks_like_pattern("a/b"));
  EXPECT_FALSE(looks_like_pattern(""));
}

TEST(ChannelTest, TheServersSpaceBeginsWithAt) {
  EXPECT_TRUE(is_server_channel("@all"));
  EXPECT_TRUE(is_server_channel("@user/*"));
  EXPECT_FALSE(is_server_channel("a/@all"));
  EXPECT_FALSE(is_server_channel("*"));
  EXPECT_FALSE(is_server_channel(""));
}

TEST(PatternTest, AcceptsStarsAsWholeSegments) {
  for (const std::string_view text : {"*", "**", "a/*", "*/a", "a/*/b", "*/*", "*/**", "a/**", "a/*/**",
                                      "@user/*", "@presence/**", "a/b", "børs/*"}) {
    EXPECT_EQ(pattern_refusal(text), "") << text;
    EXPECT_EQ(Pattern::parse(text).value().text(), text);
  }
}

TEST(PatternTest, RefusesAStarBesideSomething) {
  for (const std::string_view text : {"a*", "*a", "a/b*", "a/*b/c", "***", "a/***", "**a", "a**", "*/b*"}) {
    EXPECT_THAT(pattern_refusal(text), HasSubstr("whole segment")) << text;
  }
}

TEST(PatternTest, RefusesTwoStarsThatAreNotLast) {
  for (const std::string_view text : {"**/a", "a/**/b", "**/**", "**/*"}) {
    EXPECT_THAT(pattern_refusal(text), HasSubstr("only be the last segment")) << text;
  }
}

TEST(PatternTest, ObeysTheRulesOfNames) {
  EXPECT_THAT(pattern_refusal(""), HasSubstr("is empty"));
  EXPECT_THAT(pattern_refusal("a//*"), HasSubstr("segment 2 is empty"));
  EXPECT_THAT(pattern_refusal("*/"), HasSubstr("segment 2 is empty"));
  EXPECT_THAT(pattern_refusal("**/"), HasSubstr("only be the last segment"));
  EXPECT_THAT(pattern_refusal("a b/*"), HasSubstr("white space"));
  EXPECT_THAT(pattern_refusal("*/\xFF"), HasSubstr("UTF-8"));
  EXPECT_THAT(pattern_refusal("{a}/*"), HasSubstr("not allowed"));
  EXPECT_EQ(pattern_refusal(segments(16, "*")), "");
  EXPECT_THAT(pattern_refusal(segments(17, "*")), HasSubstr("more than 16"));
  EXPECT_EQ(pattern_refusal("*/" + std::string(253, 'x')), "");
  EXPECT_THAT(pattern_refusal("*/" + std::string(254, 'x')), HasSubstr("at most 255"));
}

TEST(PatternTest, ANameMatchesItselfOnly) {
  EXPECT_TRUE(matches("market/AAPL", "market/AAPL"));
  EXPECT_FALSE(matches("market/AAPL", "market/AAP"));
  EXPECT_FALSE(matches("market/AAPL", "market/AAPLX"));
  EXPECT_FALSE(matches("market/AAPL", "market"));
  EXPECT_FALSE(matches("market/AAPL", "market/AAPL/x"));
  EXPECT_FALSE(matches("market/AAPL", "Market/AAPL"));
}

TEST(PatternTest, AStarStandsForOneSegment) {
  EXPECT_TRUE(matches("*", "a"));
  EXPECT_FALSE(matches("*", "a/b"));
  EXPECT_TRUE(matches("market/*", "market/AAPL"));
  EXPECT_FALSE(matches("market/*", "market"));
  EXPECT_FALSE(matches("market/*", "market/a/b"));
  EXPECT_FALSE(matches("market/*", "markets/a"));
  EXPECT_TRUE(matches("*/AAPL", "market/AAPL"));
  EXPECT_TRUE(matches("a/*/c", "a/b/c"));
  EXPECT_FALSE(matches("a/*/c", "a/b/b/c"));
  EXPECT_FALSE(matches("a/*/c", "a/c"));
}

TEST(PatternTest, TwoStarsStandForOneSegmentOrMore) {
  EXPECT_TRUE(matches("**", "a"));
  EXPECT_TRUE(matches("**", "a/b/c"));
  EXPECT_TRUE(matches("backtest/**", "backtest/a"));
  EXPECT_TRUE(matches("backtest/**", "backtest/a/b/c"));
  EXPECT_FALSE(matches("backtest/**", "backtest"));
  EXPECT_FALSE(matches("backtest/**", "other/a"));
  EXPECT_FALSE(matches("*/**", "a"));
  EXPECT_TRUE(matches("*/**", "a/b"));
  EXPECT_TRUE(matches("a/*/**", "a/b/c/d"));
  EXPECT_FALSE(matches("a/*/**", "a/b"));
}

TEST(PatternTest, TheServersSpaceIsMatchedOnlyFromWithin) {
  EXPECT_FALSE(matches("*", "@all"));
  EXPECT_FALSE(matches("**", "@all"));
  EXPECT_FALSE(matches("**", "@user/ann"));
  EXPECT_FALSE(matches("*/ann", "@user/ann"));
  EXPECT_TRUE(matches("@user/*", "@user/ann"));
  EXPECT_TRUE(matches("@presence/**", "@presence/market/AAPL"));
  EXPECT_FALSE(matches("@user/*", "user/ann"));
  EXPECT_TRUE(matches("a/*", "a/@b"));
}

TEST(PatternTest, CoversWhatItMatchesAllOf) {
  EXPECT_TRUE(covers("market/*", "market/AAPL"));
  EXPECT_TRUE(covers("market/*", "market/*"));
  EXPECT_FALSE(covers("market/*", "market/**")) << "which goes deeper";
  EXPECT_FALSE(covers("market/*", "*/AAPL"));
  EXPECT_TRUE(covers("market/**", "market/*/book"));
  EXPECT_TRUE(covers("market/**", "market/*/**"));
  EXPECT_FALSE(covers("market/*/**", "market/**")) << "which matches market/AAPL too";
  EXPECT_FALSE(covers("market/AAPL", "market/*"));
  EXPECT_TRUE(covers("**", "a/b/c"));
  EXPECT_FALSE(covers("**", "@user/ann"));
  EXPECT_FALSE(covers("@user/*", "user/ann"));
}

// Every path of up to `depth` of the segments, each one also ending in `last`.
std::vector<std::string> paths(const std::vector<std::string>& segments, std::size_t depth,
                               const std::string& last) {
  std::vector<std::string> all;
  std::vector<std::string> longest{""};
  if (!last.empty()) all.push_back(last);
  for (std::size_t length = 1; length <= depth; ++length) {
    std::vector<std::string> longer;
    for (const std::string& path : longest) {
      for (const std::string& segment : segments) {
        longer.push_back(path.empty() ? segment : path + "/" + segment);
      }
    }
    longest = longer;
    for (const std::string& path : longest) {
      all.push_back(path);
      if (!last.empty()) all.push_back(path + "/" + last);
    }
  }
  return all;
}

TEST(PatternTest, CoversAnotherExactlyIfNoNameTellsThemApart) {
  const std::vector<std::string> names = paths({"a", "@b", "z"}, 4, "");
  const std::vector<std::string> patterns = paths({"a", "@b", "*"}, 2, "**");
  // By pattern, the names that it matches.
  std::vector<std::vector<bool>> matched;
  for (const std::string& pattern : patterns) {
    std::vector<bool>& matches_of = matched.emplace_back();
    for (const std::string& name : names) {
      matches_of.push_back(Pattern::parse(pattern).value().matches(name));
    }
  }
  for (std::size_t wide = 0; wide < patterns.size(); ++wide) {
    for (std::size_t narrow = 0; narrow < patterns.size(); ++narrow) {
      bool all = true;
      for (std::size_t i = 0; i < names.size(); ++i) all = all && (!matched[narrow][i] || matched[wide][i]);
      EXPECT_EQ(covers(patterns[wide], patterns[narrow]), all)
          << patterns[wide] << " and " << patterns[narrow];
    }
  }
}

TEST(PatternTest, OverlapsAnotherExactlyIfThereIsANameThatBothMatch) {
  const std::vector<std::string> names = paths({"a", "@b", "z"}, 4, "");
  const std::vector<std::string> patterns = paths({"a", "@b", "*"}, 2, "**");
  for (const std::string& one : patterns) {
    for (const std::string& other : patterns) {
      const Pattern first = Pattern::parse(one).value();
      const Pattern second = Pattern::parse(other).value();
      const bool meet = std::ranges::any_of(
          names, [&](const std::string& name) { return first.matches(name) && second.matches(name); });
      EXPECT_EQ(first.overlaps(second), meet) << one << " and " << other;
    }
  }
}

TEST(PatternTest, EqualTextsAreEqualPatterns) {
  EXPECT_EQ(Pattern::parse("a/*").value(), Pattern::parse("a/*").value());
  EXPECT_NE(Pattern::parse("a/*").value(), Pattern::parse("a/**").value());
}

}  // namespace
}  // namespace wskit::protocol
