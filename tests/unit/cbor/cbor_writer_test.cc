#include "common/cbor/cbor_writer.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "common/cbor/cbor_reader.h"

namespace wskit::cbor {
namespace {

using namespace std::string_literals;  // NOLINT(google-build-using-namespace): bytes with NULs

std::string written(std::string_view json) {
  std::string out;
  append_json(out, json);
  return out;
}

std::string read_back(std::string_view message) {
  std::string out;
  const auto read = append_as_json(out, message);
  return read ? out : read.error().message;
}

// The examples of RFC 8949, appendix A, as far as JSON can say them.
TEST(CborWriter, WritesTheExamplesOfTheStandard) {
  EXPECT_EQ(written("0"), "\x00"s);
  EXPECT_EQ(written("23"), "\x17"s);
  EXPECT_EQ(written("24"), "\x18\x18"s);
  EXPECT_EQ(written("1000000000000"), "\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00"s);
  EXPECT_EQ(written("18446744073709551615"), "\x1b\xff\xff\xff\xff\xff\xff\xff\xff"s);
  EXPECT_EQ(written("-1"), "\x20"s);
  EXPECT_EQ(written("-1000"), "\x39\x03\xe7"s);
  EXPECT_EQ(written("1.1"), "\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a"s);
  EXPECT_EQ(written("false"), "\xf4"s);
  EXPECT_EQ(written("true"), "\xf5"s);
  EXPECT_EQ(written("null"), "\xf6"s);
  EXPECT_EQ(written(R"("IETF")"), "\x64IETF"s);
  EXPECT_EQ(written(R"("\"\\")"), "\x62\"\\"s);
  EXPECT_EQ(written(R"("\u00fc")"), "\x62\xc3\xbc"s);
  EXPECT_EQ(written("[1,[2,3],[4,5]]"), "\x83\x01\x82\x02\x03\x82\x04\x05"s);
  EXPECT_EQ(written(R"({"a":1,"b":[2,3]})"), "\xa2\x61\x61\x01\x61\x62\x82\x02\x03"s);
}

TEST(CborWriter, WhatItWritesIsReadBack) {
  for (const std::string_view json :
       {R"({"type":"pong","id":"x\n","timestamp":"2026-11-20T10:00:00Z","data":{"timestamp":-5}})",
        R"([0,-1,9223372036854775807,-9223372036854775808,0.25,1e+300,"",{},[],[[]],true,false,null])"}) {
    EXPECT_EQ(read_back(written(json)), json);
  }
}

TEST(CborWriter, WhatCborWouldChangeStaysAsItIs) {
  for (const std::string_view json :
       {"-0", "-0.0", "1e999", "-1e999", "12345678901234567890123", "-18446744073709551616",
        "-9223372036854775809", "5.0", R"("\ud800")", R"(["\ud800",1e999])"}) {
    EXPECT_EQ(read_back(written(json)), json);
  }
}

TEST(CborWriter, WritesAReplyThatIsDeeperThanTheDeepestEvent) {
  const std::string data = std::string(511, '[') + std::string(511, ']');
  const std::string event =
      R"({"type":"t","channel":"a","offset":7,"timestamp":"2026-11-20T10:00:00Z","data":)" + data + "}";
  std::string out;
  append_message(out,
                 R"({"type":"history","timestamp":"T","data":{"events":[)" + event + R"(],"offset":7}})");
  EXPECT_NE(out.find("\xd9\x01\x06\x59\x03\xfe" + data), std::string::npos);
}

TEST(CborWriter, AnEventsDataStaysTheTextThatWasPublished) {
  std::string out;
  append_event(out, {.type = "t",
                     .channel = "a",
                     .offset = 7,
                     .timestamp = "2026-11-20T10:00:00Z",
                     .id = {},
                     .key = R"("k\"")",
                     .received = {},
                     .from = 0,
                     .merged = 0,
                     .data = R"({"n":  1.50})"});
  EXPECT_NE(out.find("\x64"
                     "data\xd9\x01\x06\x4c{\"n\":  1.50}"),
            std::string::npos);
  EXPECT_NE(out.find("\x63"
                     "key\x62k\""),
            std::string::npos);
  EXPECT_EQ(
      read_back(out),
      R"({"type":"t","channel":"a","offset":7,"timestamp":"2026-11-20T10:00:00Z","key":"k\"","data":{"n":  1.50}})");
}

TEST(CborWriter, TheEventsOfAHistoryAreEvents) {
  const std::string_view text =
      R"({"type":"history","id":4,"timestamp":"2026-11-20T10:00:00Z","data":{"events":[{"type":"t","channel":"a",)"
      R"("offset":7,"timestamp":"2026-11-20T10:00:00Z","data":[1.50 ]}],"offset":7,"epoch":"e","oldest":1,)"
      R"("recovered":true,"complete":true}})";
  std::string out;
  append_message(out, text);
  EXPECT_NE(out.find("\xd9\x01\x06\x47[1.50 ]"), std::string::npos);
  EXPECT_EQ(read_back(out), text);
}

}  // namespace
}  // namespace wskit::cbor
