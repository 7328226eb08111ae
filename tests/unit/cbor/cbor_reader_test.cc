#include "common/cbor/cbor_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace wskit::cbor {
namespace {

using namespace std::string_literals;  // NOLINT(google-build-using-namespace): bytes with NULs
using ::testing::HasSubstr;

std::string as_json(const std::string& message) {
  // Memory that ends where the message ends, so that a sanitizer sees a read past it.
  const std::vector<char> bytes(message.begin(), message.end());
  std::string out = "before ";
  const auto read = append_as_json(out, {bytes.data(), bytes.size()});
  if (read) return out.substr(7);
  EXPECT_EQ(out, "before ") << "nothing of it is left";
  return read.error().message;
}

// The examples of RFC 8949, appendix A.
TEST(CborReader, ReadsTheExamplesOfTheStandard) {
  EXPECT_EQ(as_json("\x1b\xff\xff\xff\xff\xff\xff\xff\xff"s), "18446744073709551615");
  EXPECT_EQ(as_json("\x3b\xff\xff\xff\xff\xff\xff\xff\xff"s), "-18446744073709551616");
  EXPECT_EQ(as_json("\xf9\x3e\x00"s), "1.5");
  EXPECT_EQ(as_json("\xfa\x47\xc3\x50\x00"s), "1e+05");
  EXPECT_EQ(as_json("\xfb\xc0\x10\x66\x66\x66\x66\x66\x66"s), "-4.1");
  EXPECT_EQ(as_json("\xf6"s), "null");
  EXPECT_EQ(as_json("\x62\"\\"s), R"("\"\\")");
  EXPECT_EQ(as_json("\x9f\x01\x82\x02\x03\x9f\x04\x05\xff\xff"s), "[1,[2,3],[4,5]]");
  EXPECT_EQ(as_json("\xbf\x63"
                    "Fun\xf5\x63"
                    "Amt\x21\xff"s),
            R"({"Fun":true,"Amt":-2})");
  EXPECT_EQ(as_json("\x7f\x65strea\x64ming\xff"s), R"("streaming")");
  EXPECT_EQ(as_json("\x80"s), "[]");
  EXPECT_EQ(as_json("\xa0"s), "{}");
}

TEST(CborReader, EmbeddedJsonStandsAsItIs) {
  EXPECT_EQ(as_json("\xa1\x64"
                    "data\xd9\x01\x06\x48{\"n\": 1}"s),
            R"({"data":{"n": 1}})");
  EXPECT_EQ(as_json("\xd9\xd9\xf7\x81\xd9\x01\x06\x5f\x41[\x41]\xff"s), "[[]]");
  EXPECT_THAT(as_json("\xd9\x01\x06\x43{,}"s), HasSubstr("what has tag 262 is not JSON"));
  EXPECT_THAT(as_json("\x81\xd9\x01\x06\x43"
                      "1,2"s),
              HasSubstr("what has tag 262 is not JSON"));
  EXPECT_THAT(as_json("\xd9\x01\x06\x43\"\xff\""s), HasSubstr("what has tag 262 is not JSON"));
  EXPECT_THAT(as_json("\xd9\x01\x06\x01"s), HasSubstr("before what is no byte string"));
}

TEST(CborReader, RefusesWhatJsonCannotSayAndNamesTheByte) {
  EXPECT_THAT(as_json("\x43xyz"s), HasSubstr("a byte string without tag 262"));
  EXPECT_THAT(as_json("\xf9\x7c\x00"s), HasSubstr("not finite"));
  EXPECT_THAT(as_json("\xf9\x7e\x00"s), HasSubstr("not finite"));
  EXPECT_THAT(as_json("\xa1\x01\x02"s), HasSubstr("a name that is no text"));
  EXPECT_THAT(as_json("\x62\xc3\x28"s), HasSubstr("not UTF-8"));
  EXPECT_THAT(as_json("\x82\x01\xc1\x01"s), HasSubstr("tag 1, which is not read here (byte 2)"));
}

TEST(CborReader, RefusesWhatIsNoCborOrNotOne) {
  EXPECT_THAT(as_json(""s), HasSubstr("ends in the middle"));
  EXPECT_THAT(as_json("\x64"
                      "abc"s),
              HasSubstr("ends in the middle"));
  EXPECT_THAT(as_json("\x9b\xff\xff\xff\xff\xff\xff\xff\xff"s), HasSubstr("ends in the middle"));
  EXPECT_THAT(as_json("\x7b\xff\xff\xff\xff\xff\xff\xff\xff"s), HasSubstr("ends in the middle"));
  EXPECT_THAT(as_json("\xbf\x61"
                      "a\xff"s),
              HasSubstr("a break stands where nothing ends"));
  EXPECT_THAT(as_json("\xff"s), HasSubstr("a break stands where nothing ends"));
  EXPECT_THAT(as_json("\x1c"s), HasSubstr("begins no item"));
  EXPECT_THAT(as_json("\x01\x02"s), HasSubstr("something follows its first item"));
  EXPECT_THAT(as_json("\x7f\x01\xff"s), HasSubstr("something else within it"));
  EXPECT_THAT(as_json("\x9f\xd9\x01\x06\xff"s), HasSubstr("a break stands where nothing ends"));
  EXPECT_THAT(as_json("\xd9\x01\x06\x5f\xd9\x01\x06\x41"
                      "1\xff"s),
              HasSubstr("something else within it"));
}

TEST(CborReader, GoesNoDeeperThanJsonDoes) {
  EXPECT_THAT(as_json(std::string(1'000'000, '\x81')), HasSubstr("nested deeper than 512 levels"));
  EXPECT_THAT(as_json(std::string(1'000'000, '\x9f')), HasSubstr("nested deeper than 512 levels"));
  EXPECT_EQ(as_json(std::string(500, '\x81') + "\x80"), std::string(501, '[') + std::string(501, ']'));
}

}  // namespace
}  // namespace wskit::cbor
