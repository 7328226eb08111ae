// Payloads pass through untouched: from a publisher's command through the parser
// and the encoder to what a subscriber cuts out of its event, and into another
// JSON parser's hands.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "common/protocol/command.h"
#include "common/protocol/event.h"
#include "random_json.h"
#include "support/encode_event.h"

namespace wskit::protocol {
namespace {

using test::encode_event;

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  return text.substr(first, last - first + 1);
}

TEST(RoundTripTest, DataArrivesByteForByte) {
  RandomJson random(11);
  CommandParser parser;
  for (int i = 0; i < 5'000; ++i) {
    const std::string data = random.value();
    const std::string message = R"({"action":"publish","channel":"market/AAPL","data":)" + data + "}";
    const auto command = parser.parse(message);
    ASSERT_TRUE(command) << message << "\n" << command.error().error.message;
    const PublishEvent& published = (*command)->publish.at(0);
    ASSERT_EQ(published.data, trimmed(data));

    EventView event;
    event.type = published.type;
    event.channel = published.channel;
    event.offset = 1;
    event.timestamp = "2026-11-20T10:00:00.123456Z";
    event.data = published.data;
    const std::string frame = encode_event(event);
    std::string storage;
    const Result<EventView> received = decode_event(frame, storage);
    ASSERT_TRUE(received) << frame;
    EXPECT_EQ(received->data, trimmed(data));
  }
}

TEST(RoundTripTest, EveryEventOfABatchArrivesByteForByte) {
  RandomJson random(12);
  CommandParser parser;
  for (int i = 0; i < 300; ++i) {
    std::vector<std::string> payloads(1 + random.pick(20));
    std::string message = R"({"action":"publish","events":[)";
    for (std::string& payload : payloads) {
      payload = random.value();
      if (&payload != payloads.data()) message += " ,";
      message += R"({"data":)" + payload + R"(,"channel":"a/b","type":"t"})";
    }
    message += "]}";
    const auto command = parser.parse(message);
    ASSERT_TRUE(command) << message << "\n" << command.error().error.message;
    ASSERT_EQ((*command)->publish.size(), payloads.size());
    for (std::size_t n = 0; n < payloads.size(); ++n) {
      EXPECT_EQ((*command)->publish[n].data, trimmed(payloads[n]));
    }
  }
}

TEST(RoundTripTest, AnotherParserReadsTheEvent) {
  RandomJson random(13, {.lone_surrogates = false, .huge_numbers = false});
  for (int i = 0; i < 2'000; ++i) {
    const std::string data = random.value();
    EventView event;
    event.type = "t";
    event.channel = "a";
    event.offset = 7;
    event.timestamp = "2026-11-20T10:00:00.123456Z";
    event.data = data;
    const nlohmann::json read = nlohmann::json::parse(encode_event(event));
    EXPECT_EQ(read["data"], nlohmann::json::parse(data));
    EXPECT_EQ(read["offset"], 7);
  }
}

}  // namespace
}  // namespace wskit::protocol
