#include "wsserve/http/asset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <string>

#include "http_requests.h"

namespace wskit::server::http {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

std::string header_of(const Response& response, std::string_view name) {
  const auto found = std::ranges::find(response.headers, name, [](const auto& each) { return each.first; });
  return found == response.headers.end() ? std::string() : found->second;
}

std::string gunzip(const std::string& bytes) {
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

class AssetTest : public ::testing::Test {
 protected:
  Response get(Headers headers) { return asset_.respond(request_for("/", "GET", std::move(headers))); }

  const std::string body_ = std::string(2'000, 'x');
  const Asset asset_{"text/html", body_};
};

TEST_F(AssetTest, ComesCompressedToThoseWhoTakeIt) {
  for (const char* accepted : {"gzip", "br, GZIP;q=0.5", "*", "gzip;q=1"}) {
    const Response response = get({{"accept-encoding", accepted}});
    EXPECT_EQ(header_of(response, "Content-Encoding"), "gzip") << accepted;
    EXPECT_LT(response.body.size(), body_.size());
    EXPECT_EQ(gunzip(response.body), body_);
  }
  for (const char* accepted : {"", "br", "gzip;q=0", "gzip;q=0.0", "*;q=0", "gzipped"}) {
    const Response response = get({{"accept-encoding", accepted}});
    EXPECT_EQ(header_of(response, "Content-Encoding"), "") << accepted;
    EXPECT_EQ(response.body, body_);
  }
}

TEST_F(AssetTest, IsNotSentAgainToThoseWhoHaveIt) {
  const std::string etag = header_of(get({}), "ETag");
  EXPECT_THAT(etag, Not(IsEmpty()));
  for (const std::string& held : {etag, "\"other\", W/" + etag, std::string("*")}) {
    const Response response = get({{"if-none-match", held}});
    EXPECT_EQ(response.status, 304U) << held;
    EXPECT_THAT(response.body, IsEmpty());
    EXPECT_EQ(header_of(response, "ETag"), etag);
    const std::string text = serialize(response, true, false);
    EXPECT_EQ(text.find("Content-Length"), std::string::npos) << "a 304 has no body to measure";
    EXPECT_NE(text.find("Cache-Control: no-cache\r\n"), std::string::npos);
  }
  EXPECT_EQ(get({{"if-none-match", "\"other\""}}).status, 200U);
}

TEST_F(AssetTest, EachFormOfABodyHasItsOwnTag) {
  const std::string plain = header_of(get({}), "ETag");
  const std::string compressed = header_of(get({{"accept-encoding", "gzip"}}), "ETag");
  EXPECT_NE(compressed, plain);
  EXPECT_EQ(get({{"accept-encoding", "gzip"}, {"if-none-match", compressed}}).status, 304U);
  EXPECT_EQ(get({{"accept-encoding", "gzip"}, {"if-none-match", plain}}).status, 200U);
  EXPECT_EQ(get({{"if-none-match", compressed}}).status, 200U);
}

TEST_F(AssetTest, AnotherBodyHasAnotherTag) {
  const Response other = Asset("text/html", "y").respond(request_for("/", "GET", {}));
  EXPECT_NE(header_of(other, "ETag"), header_of(get({}), "ETag"));
}

TEST_F(AssetTest, WhatWouldNotShrinkStaysAsItIs) {
  const Asset tiny("text/plain", "x");
  const Response response = tiny.respond(request_for("/", "GET", {{"accept-encoding", "gzip"}}));
  EXPECT_EQ(response.body, "x");
}

}  // namespace
}  // namespace wskit::server::http
