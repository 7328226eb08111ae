#include "common/protocol/event.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "support/encode_event.h"

namespace wskit::protocol {
namespace {

using test::encode_event;

using ::testing::HasSubstr;

EventView sample() {
  EventView event;
  event.type = "trade";
  event.channel = "market/AAPL";
  event.offset = 42;
  event.timestamp = "2026-11-20T10:00:00.123456Z";
  event.data = R"({"price":150.25})";
  return event;
}

class DecodeEventTest : public ::testing::Test {
 protected:
  // The event written again, or why it is none.
  std::string decode(std::string_view text) {
    const Result<EventView> event = decode_event(text, storage_);
    if (event) return encode_event(*event);
    EXPECT_EQ(event.error().code, ErrorCode::kBadEvent);
    return event.error().message;
  }

  // The sample with one field put before the others, which then are not needed.
  static std::string with(std::string_view field, std::string_view value) {
    std::string text = "{\"" + std::string(field) + "\":" + std::string(value);
    for (const auto& [name, usual] :
         {std::pair("type", "\"trade\""), std::pair("channel", "\"market/AAPL\""), std::pair("offset", "42"),
          std::pair("timestamp", "\"2026-11-20T10:00:00.123456Z\""), std::pair("data", "{}")}) {
      if (name != field) text += ",\"" + std::string(name) + "\":" + usual;
    }
    return text + "}";
  }

  static std::string without(std::string_view field) {
    return with(field, "0").replace(2, field.size(), "other");
  }

  std::string storage_;
};

TEST(EventTest, TypesAreShortAndPlain) {
  EXPECT_TRUE(is_valid_type("trade"));
  EXPECT_TRUE(is_valid_type("A-z_0.9:x"));
  EXPECT_TRUE(is_valid_type(std::string(64, 'x')));
  EXPECT_FALSE(is_valid_type(std::string(65, 'x')));
  for (const std::string_view type : {"", " ", "a b", "a/b", "a\n", "é", "a*", "a\"", "@", "a,b"}) {
    EXPECT_FALSE(is_valid_type(type)) << type;
  }
  EXPECT_FALSE(is_valid_type(std::string_view("a\0", 2)));
}

TEST(EventTest, KeysHaveAFixedOrder) {
  EXPECT_EQ(
      encode_event(sample()),
      R"({"type":"trade","channel":"market/AAPL","offset":42,"timestamp":"2026-11-20T10:00:00.123456Z",)"
      R"("data":{"price":150.25}})");
}

TEST(EventTest, OptionalKeysStandBeforeTheData) {
  EventView event = sample();
  event.id = R"("id-1")";
  event.key = R"("AAPL")";
  event.received = "2026-11-20T10:00:01Z";
  event.from = 21;
  event.merged = 22;
  EXPECT_EQ(
      encode_event(event),
      R"({"type":"trade","channel":"market/AAPL","offset":42,"timestamp":"2026-11-20T10:00:00.123456Z",)"
      R"("id":"id-1","key":"AAPL","received":"2026-11-20T10:00:01Z","from":21,"merged":22,)"
      R"("data":{"price":150.25}})");
}

TEST(EventTest, TheSizeIsKnownBeforeWriting) {
  EventView event = sample();
  std::uint64_t offset = 1;
  for (int digits = 1; digits <= 20; ++digits, offset *= 10) {
    for (const std::uint64_t value : {offset, offset - 1, offset + 1}) {
      event.offset = value;
      event.merged = value;
      EXPECT_EQ(encoded_size(event), encode_event(event).size());
      std::string out(encoded_size(event) + 8, '#');
      EXPECT_EQ(write_event(event, out.data()), out.data() + encoded_size(event));
      EXPECT_EQ(out.substr(encoded_size(event)), "########") << "nothing is written past the end";
    }
  }
}

TEST_F(DecodeEventTest, ReadsWhatIsWritten) {
  EventView event = sample();
  EXPECT_EQ(decode(encode_event(event)), encode_event(event));
  event.id = "7";
  event.key = R"("k\n")";
  event.received = "2026-11-20T10:00:01+01:00";
  event.from = 1;
  event.merged = 2;
  event.offset = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(decode(encode_event(event)), encode_event(event));
}

TEST_F(DecodeEventTest, TakesFieldsInAnyOrderAndPassesOverUnknownOnes) {
  EXPECT_EQ(decode(R"( { "data" : [1, 2] , "new":{"data":0}, "timestamp":"2026-11-20T10:00:00Z",)"
                   R"("offset":7,"channel":"a","type":"t" } )"),
            R"({"type":"t","channel":"a","offset":7,"timestamp":"2026-11-20T10:00:00Z","data":[1, 2]})");
}

TEST_F(DecodeEventTest, DecodesNamesWrittenWithEscapes) {
  const std::string text =
      R"({"ch\u0061nnel":"market\/b\u00f8rs","type":"tr\u0061de","offset":1,"timestamp":"2026-11-20T10:00:00\u005a",)"
      R"("data":"\ud800"})";
  const EventView event = decode_event(text, storage_).value();
  EXPECT_EQ(event.channel, "market/børs");
  EXPECT_EQ(event.type, "trade");
  EXPECT_EQ(event.timestamp, "2026-11-20T10:00:00Z");
  EXPECT_EQ(event.data, R"("\ud800")") << "data stays as it is";
}

TEST_F(DecodeEventTest, AControlMessageIsNoEvent) {
  EXPECT_THAT(decode(R"({"type":"pong","timestamp":"2026-11-20T10:00:00Z","data":{}})"),
              HasSubstr("\"channel\" is missing"));
}

TEST_F(DecodeEventTest, EachFieldOfAnEventIsNeeded) {
  for (const std::string_view field : {"type", "channel", "offset", "timestamp", "data"}) {
    EXPECT_THAT(decode(without(field)), HasSubstr(fmt::format(R"("{}" is missing)", field)));
  }
}

TEST_F(DecodeEventTest, NullIsData) {
  EXPECT_THAT(decode(with("data", "null")), HasSubstr("\"data\":null}"));
}

TEST_F(DecodeEventTest, RefusesFieldsThatBreakTheirRules) {
  for (const auto& [field, value] : {std::pair("type", "\"\""),
                                     std::pair("type", "\"a b\""),
                                     std::pair("type", "1"),
                                     std::pair("channel", "null"),
                                     std::pair("channel", "\"a//b\""),
                                     std::pair("channel", "\"a/*\""),
                                     std::pair("channel", R"("\ud800")"),
                                     std::pair("offset", "0"),
                                     std::pair("offset", "-1"),
                                     std::pair("offset", "1.0"),
                                     std::pair("offset", "1e2"),
                                     std::pair("offset", "\"1\""),
                                     std::pair("offset", "18446744073709551616"),
                                     std::pair("timestamp", "1"),
                                     std::pair("timestamp", "\"yesterday\""),
                                     std::pair("received", "\"\""),
                                     std::pair("received", "5"),
                                     std::pair("from", "0"),
                                     std::pair("from", "\"1\""),
                                     std::pair("merged", "1.5"),
                                     std::pair("merged", "true"),
                                     std::pair("id", "null"),
                                     std::pair("id", "[]"),
                                     std::pair("id", "true"),
                                     std::pair("key", "1")}) {
    EXPECT_THAT(decode(with(field, value)), HasSubstr(fmt::format(R"("{}")", field))) << field << value;
    EXPECT_THAT(decode(with(field, value)), HasSubstr("no event")) << field << value;
  }
}

TEST_F(DecodeEventTest, RefusesAFieldThatStandsThereTwice) {
  for (const std::string_view field : {"type", "channel", "offset", "timestamp", "data", "key"}) {
    const std::string text = with(field, "\"x\"");
    const std::string twice = "{\"" + std::string(field) + "\":1," + text.substr(1);
    EXPECT_THAT(decode(twice), HasSubstr("twice")) << twice;
  }
}

TEST_F(DecodeEventTest, RefusesWhatIsNoJsonObject) {
  EXPECT_THAT(decode(""), HasSubstr("no JSON object"));
  EXPECT_THAT(decode("[]"), HasSubstr("no JSON object"));
  EXPECT_THAT(decode("hello"), HasSubstr("no JSON object"));
  const std::string text = encode_event(sample());
  for (std::size_t size = 1; size < text.size(); ++size) {
    EXPECT_THAT(decode(std::string_view(text).substr(0, size)), HasSubstr("at byte " + std::to_string(size)));
  }
  EXPECT_THAT(decode(text + "{}"), HasSubstr("at byte " + std::to_string(text.size())));
}

}  // namespace
}  // namespace wskit::protocol
