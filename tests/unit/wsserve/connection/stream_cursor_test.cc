#include "wsserve/connection/stream_cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/protocol/positions_text.h"

namespace wskit::server {
namespace {

using protocol::SystemMicros;
using testing::StartsWith;

constexpr SystemMicros kBegan{std::chrono::seconds{1'000'000}};
constexpr std::chrono::seconds kLater{3'600};

std::string_view any_epoch(std::string_view) { return "e"; }

protocol::FromPositions read(const std::string& text) {
  const auto from = protocol::parse_positions_text(text);
  EXPECT_TRUE(from) << text;
  return from ? *from : protocol::FromPositions{};
}

TEST(StreamCursorTest, OfOneChannelItIsThatChannelsPosition) {
  StreamCursor cursor(kBegan, true);
  EXPECT_EQ(cursor.text(kBegan, {}), "");
  cursor.begin("a", "e1", 41);
  EXPECT_EQ(cursor.text(kBegan, {}), "e1:41");
  cursor.advance("a", 42, any_epoch);
  EXPECT_EQ(cursor.text(kBegan, {}), "e1:42");
}

TEST(StreamCursorTest, OfSeveralItHasThePositionOfEach) {
  StreamCursor cursor(kBegan, false);
  cursor.begin("a", "e", 4);
  cursor.begin("b", "other", 0);
  cursor.advance("a", 5, any_epoch);
  cursor.advance("new", 1, any_epoch);
  const auto from = read(cursor.text(kBegan + kLater, {}));
  EXPECT_EQ(from.positions,
            (decltype(from.positions){{"a", {5, "e"}}, {"b", {0, "other"}}, {"new", {1, "e"}}}));
}

TEST(StreamCursorTest, AChannelThatBeginsLaterIsReadFromItsFirstEvent) {
  StreamCursor cursor(kBegan, false);
  cursor.begin("a", "e", 4);
  EXPECT_EQ(read(cursor.text(kBegan + kLater, {})).time, kBegan - StreamCursor::kMargin);
}

TEST(StreamCursorTest, WhatSeveralSubscriptionsBringBeginsWithTheEarliest) {
  StreamCursor cursor(kBegan, true);
  cursor.begin("a", "e", 4);
  cursor.begin("a", "e", 2);
  cursor.begin("a", "e", 3);
  EXPECT_EQ(cursor.text(kBegan, {}), "e:2");
}

TEST(StreamCursorTest, NeverGoesBackNorPastWhatStillWaits) {
  StreamCursor cursor(kBegan, true);
  cursor.begin("a", "e", 4);
  cursor.advance("a", 9, any_epoch);
  cursor.advance("a", 7, any_epoch);
  EXPECT_EQ(cursor.text(kBegan, {}), "e:9");
  EXPECT_EQ(cursor.text(kBegan, {{"a", 5}}), "e:5");
  EXPECT_EQ(cursor.text(kBegan, {{"a", 12}}), "e:9");
  EXPECT_EQ(cursor.text(kBegan, {{"b", 1}}), "e:9");
}

TEST(StreamCursorTest, LeavesOutWhatWasSilentLongestRatherThanGrowPastItsLimit) {
  StreamCursor cursor(kBegan, false);
  for (int i = 0; i < 1'000; ++i) cursor.begin("market/" + std::to_string(i), "e", 7);
  EXPECT_FALSE(cursor.is_complete());
  cursor.advance("market/0", 8, any_epoch);
  cursor.advance("market/999", 9, any_epoch);
  const std::string text = cursor.text(kBegan + kLater, {});
  EXPECT_LE(text.size(), StreamCursor::kMaxBytes + 32);
  const auto from = read(text);
  EXPECT_GT(from.positions.size(), 50U);
  EXPECT_EQ(from.positions.at("market/0").offset, 8U);
  EXPECT_EQ(from.positions.at("market/999").offset, 9U);
  EXPECT_FALSE(from.positions.contains("market/1"));
  // What they bring from now on, and what may have been on its way.
  EXPECT_EQ(from.time, kBegan + kLater - StreamCursor::kMargin);
}

TEST(StreamCursorTest, ATimeIsNeverBeforeTheStreamBegan) {
  StreamCursor cursor(kBegan, false);
  for (int i = 0; i < 1'000; ++i) cursor.begin("market/" + std::to_string(i), "e", 7);
  EXPECT_EQ(read(cursor.text(kBegan + std::chrono::seconds{1}, {})).time, kBegan);
}

}  // namespace
}  // namespace wskit::server
