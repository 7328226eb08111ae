#include "common/protocol/event.h"

#include <gtest/gtest.h>

namespace wskit::protocol {
namespace {

TEST(EventTest, WhatIsWrittenIsReadBack) {
  EventView event;
  event.type = "trade";
  event.channel = "market/AAPL";
  event.offset = 42;
  event.timestamp = "2026-11-20T10:00:00.123456Z";
  event.data = R"({"price":150.25})";
  const std::string text = encode_event(event);
  EXPECT_EQ(
      text,
      R"({"type":"trade","channel":"market/AAPL","offset":42,"timestamp":"2026-11-20T10:00:00.123456Z","data":{"price":150.25}})");
  std::string storage;
  const auto decoded = decode_event(text, storage);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(encode_event(*decoded), text);
}

}  // namespace
}  // namespace wskit::protocol
