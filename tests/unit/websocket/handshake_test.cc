#include "common/websocket/handshake.h"

#include <gtest/gtest.h>

namespace wskit::websocket {
namespace {

TEST(HandshakeTest, AnswersTheKeyOfTheRfcAsTheRfcDoes) {
  EXPECT_EQ(accept_token("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(HandshakeTest, MakesValidKeysThatDiffer) {
  const std::string key = make_key();
  EXPECT_TRUE(is_valid_key(key)) << key;
  EXPECT_NE(key, make_key());
}

TEST(HandshakeTest, AcceptsEveryEndOfACanonicalKey) {
  for (const std::string_view key : {"AAAAAAAAAAAAAAAAAAAAAA==", "+/+/+/+/+/+/+/+/+/+/+Q==",
                                     "0123456789abcdefghijkg==", "zzzzzzzzzzzzzzzzzzzzzw=="}) {
    EXPECT_TRUE(is_valid_key(key)) << key;
  }
}

TEST(HandshakeTest, RefusesAnythingThatIsNotTheBase64Of16Bytes) {
  for (const std::string_view key : {
           "",
           "dGhlIHNhbXBsZSBub25jZQ",      // no padding
           "dGhlIHNhbXBsZSBub25jZQ=",     // too little of it
           "dGhlIHNhbXBsZSBub25jZQ===",   // too much
           "dGhlIHNhbXBsZSBub25jZWE=",    // 17 bytes
           "dGhlIHNhbXBsZSBub25j",        // 15 bytes
           "dGhlIHNhbXBsZSBub25jZR==",    // bits set that no byte carries
           "dGhlIHNhbXBsZSBub25jZ===",    //
           "dGhl=HNhbXBsZSBub25jZQ==",    // padding inside
           "dGhlIHNhbXBsZSBub25-ZQ==",    // another alphabet
           "dGhlIHNhbXBsZSBub25_ZQ==",    //
           " GhlIHNhbXBsZSBub25jZQ==",    // white space
           "dGhlIHNhbXBsZSBub25jZQ==\n",  //
           "dGhlIHNhbXBsZSBub25j\xFFQ==",
       }) {
    EXPECT_FALSE(is_valid_key(key)) << key;
  }
}

}  // namespace
}  // namespace wskit::websocket
