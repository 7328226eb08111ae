#include "wspub/segment_text.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "common/protocol/channel.h"

namespace wskit::pub {
namespace {

// As whoever gets such a channel undoes it.
std::string decode(std::string_view text) {
  std::string value;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '~') {
      value += text[at];
    } else if (at + 2 < text.size()) {
      value += static_cast<char>(std::stoi(std::string(text.substr(at + 1, 2)), nullptr, 16));
      at += 2;
    }
  }
  return value;
}

// U7: the symbols of exchanges.
TEST(SegmentText, WhatASegmentCannotHoldIsEncoded) {
  EXPECT_EQ(encode_segment("BTC/USD", false), "BTC~2FUSD");
  EXPECT_EQ(encode_segment("BRK B", false), "BRK~20B");
  EXPECT_EQ(encode_segment("ES#F", false), "ES~23F");
  EXPECT_EQ(encode_segment("BRK.B", false), "BRK.B");
  EXPECT_EQ(encode_segment("a~b", false), "a~7Eb");
  EXPECT_EQ(encode_segment("\u00a0", false), "~C2~A0");
  EXPECT_EQ(encode_segment("\u00e9", false), "\u00e9");
  EXPECT_EQ(encode_segment("", false), "~");
  EXPECT_EQ(encode_segment("..", false), "~2E~2E");
  EXPECT_EQ(encode_segment("@all", true), "~40all");
  EXPECT_EQ(encode_segment("@all", false), "@all");
}

TEST(SegmentText, AnyValueMakesASegmentThatGivesItBack) {
  std::mt19937 random(1);
  constexpr std::string_view kParts[] = {"/", "~",      "~2F",    ".", "@",  "#", " ",
                                         "*", "\u2028", "\u00e9", "a", "\n", "\\"};
  for (int i = 0; i < 2000; ++i) {
    std::string value;
    for (auto parts = random() % 6; parts > 0; --parts) value += kParts[random() % std::size(kParts)];
    const std::string text = encode_segment(value, true);
    EXPECT_EQ(decode(text), value) << text;
    EXPECT_TRUE(protocol::check_channel(text)) << text;
    EXPECT_EQ(text.find('/'), std::string::npos);
  }
}

TEST(SegmentText, OrReplaced) {
  EXPECT_EQ(replace_in_segment("BTC/USD", false, "-"), "BTC-USD");
  EXPECT_EQ(replace_in_segment("a\u2028b", false, "-"), "a-b");
  EXPECT_EQ(replace_in_segment("a~b.c", false, "-"), "a~b.c");
  EXPECT_EQ(replace_in_segment("..", false, "-"), "--");
  EXPECT_EQ(replace_in_segment("@all", true, "-"), "-all");
}

}  // namespace
}  // namespace wskit::pub
