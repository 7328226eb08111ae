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

TEST(EventFrameTest, IsFoundAgainInItsText) {
  const ChunkPtr built = build_event_frame(sample());
  const ChunkPtr parsed = parse_event_frame(built->text());
  ASSERT_NE(parsed, nullptr);
  EXPECT_EQ(parsed->bytes(), built->bytes());
  EXPECT_EQ(parsed->event.offset, 42U);
  EXPECT_EQ(parsed->type(), "trade");
  EXPECT_EQ(parsed->key(), R"("a\"b")");
  EXPECT_EQ(parsed->event.data_begin, built->event.data_begin);
}

TEST(EventFrameTest, IsFoundAgainWithoutAKeyAndWithALongHeader) {
  protocol::EventView event = sample();
  event.key = {};
  const std::string data = '"' + std::string(70'000, 'x') + '"';
  event.data = data;
  const ChunkPtr built = build_event_frame(event);
  const ChunkPtr parsed = parse_event_frame(built->text());
  ASSERT_NE(parsed, nullptr);
  EXPECT_EQ(parsed->bytes(), built->bytes());
  EXPECT_EQ(parsed->key(), "");
}

TEST(EventFrameTest, RefusesTextThatItDidNotWrite) {
  const std::string text(build_event_frame(sample())->text());
  EXPECT_EQ(parse_event_frame(""), nullptr);
  EXPECT_EQ(parse_event_frame(text.substr(0, text.size() - 1)), nullptr);
  EXPECT_EQ(parse_event_frame(text + " "), nullptr);
  EXPECT_EQ(parse_event_frame(" " + text.substr(0, text.size() - 1)), nullptr);
  // The same event in another order, as long as it was.
  EXPECT_EQ(parse_event_frame(
                R"({"channel":"a","type":"t","offset":1,"timestamp":"2026-11-20T10:00:00Z","data":1})"),
            nullptr);
  ASSERT_NE(parse_event_frame(
                R"({"type":"t","channel":"a","offset":1,"timestamp":"2026-11-20T10:00:00Z","data":1})"),
            nullptr);
}

}  // namespace
}  // namespace wskit::server
