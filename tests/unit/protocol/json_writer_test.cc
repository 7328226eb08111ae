#include "common/protocol/json_writer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wskit::protocol {
namespace {

using nlohmann::json;

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonWriterTest, StringsAreEscapedWhereTheyMustBe) {
  EXPECT_EQ(json_string(""), R"("")");
  EXPECT_EQ(json_string("a/b é 日本 😀"), R"("a/b é 日本 😀")");
  EXPECT_EQ(json_string("\"\\\b\f\n\r\t"), R"("\"\\\b\f\n\r\t")");
  EXPECT_EQ(json_string(std::string_view("\0\x01\x1f\x7f", 4)), "\"\\u0000\\u0001\\u001f\x7f\"");
  EXPECT_EQ(json_string("\"x\"y\""), R"("\"x\"y\"")");
}

TEST(JsonWriterTest, AStringOfEveryAsciiCharacterIsReadBackByAnotherParser) {
  std::string text;
  for (char c = 0; c < 0x7F; ++c) text.push_back(c);
  EXPECT_EQ(json::parse(json_string(text)).get<std::string>(), text);
}

TEST(JsonWriterTest, PutsCommasBetweenMembersAndElements) {
  std::string out = "before {";
  JsonWriter writer(out);
  writer.begin_object();
  writer.member("text", "a,\"b\"{");
  writer.member("number", std::uint64_t{18446744073709551615U});
  writer.member("fraction", 0.25);
  writer.member("yes", true);
  writer.member_or_null("nothing", "");
  writer.member_if("absent", std::optional<int>());
  writer.member_list("list", std::vector<std::string_view>{"x", ""});
  writer.name("objects");
  writer.begin_array();
  for (int i = 0; i < 2; ++i) {
    writer.begin_object();
    writer.end_object();
  }
  writer.end_array();
  writer.member_json("raw", "{}");
  writer.end_object();
  EXPECT_EQ(out, R"(before {{"text":"a,\"b\"{","number":18446744073709551615,"fraction":0.25,"yes":true,)"
                 R"("nothing":null,"list":["x",""],"objects":[{},{}],"raw":{}})");
}

}  // namespace
}  // namespace wskit::protocol
