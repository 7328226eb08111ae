#include "wsserve/frame/event_frame.h"

#include <gtest/gtest.h>

#include <string>

namespace wskit::server {
namespace {

protocol::EventView sample() {
  protocol::EventView event;
  event.type = "trade";
  event.channel = "news/día";
  event.offset = 42;
  event.timestamp = "2026-11-20T10:00:00.123456Z";
  event.key = R"("a\"b")";
  event.data = R"({"price":150.25, "n":12345678901234567890})";
  return event;
}

void expect_same(const protocol::EventView& viewed, const protocol::EventView& built) {
  EXPECT_EQ(viewed.type, built.type);
  EXPECT_EQ(viewed.channel, built.channel);
  EXPECT_EQ(viewed.offset, built.offset);
  EXPECT_EQ(viewed.timestamp, built.timestamp);
  EXPECT_EQ(viewed.key, built.key);
  EXPECT_EQ(viewed.data, built.data);
}

TEST(EventFrameTest, IsOneUnmaskedFrameOfText) {
  protocol::EventView event = sample();
  event.data = "1";
  const ChunkPtr frame = build_event_frame(event);
  const std::string text =
      R"({"type":"trade","channel":"news/día","offset":42,"timestamp":"2026-11-20T10:00:00.123456Z",)"
      R"("key":"a\"b","data":1})";
  ASSERT_LE(text.size(), 125U);
  EXPECT_EQ(frame->text(), text);
  EXPECT_EQ(frame->bytes(), std::string("\x81") + static_cast<char>(text.size()) + text);
}

TEST(EventFrameTest, IsViewedAsItWasBuilt) {
  const ChunkPtr frame = build_event_frame(sample());
  expect_same(view_event_frame(*frame, sample().channel), sample());
  EXPECT_EQ(frame->type(), "trade");
  EXPECT_EQ(frame->key(), R"("a\"b")");
  EXPECT_EQ(channel_of(*frame), "news/día");
}

TEST(EventFrameTest, IsViewedWithoutAKeyAndWithALongHeader) {
  protocol::EventView event = sample();
  event.key = {};
  const std::string data = '"' + std::string(70'000, 'x') + '"';
  event.data = data;
  const ChunkPtr frame = build_event_frame(event);
  EXPECT_EQ(frame->event.header_bytes, 10U);
  expect_same(view_event_frame(*frame, event.channel), event);
  EXPECT_EQ(frame->key(), "");
  EXPECT_EQ(channel_of(*frame), "news/día");
}

}  // namespace
}  // namespace wskit::server
