#include "wsserve/http/response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace wskit::server::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

TEST(ResponseTest, WritesTheStatusTheHeadersAndTheBody) {
  const Response response{.status = 404, .body = "none\n", .headers = {{"X-One", "1"}, {"X-Two", "2"}}};
  const std::string text = serialize(response, true, false);
  EXPECT_THAT(text, StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nContent-Length: 5\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nX-One: 1\r\nX-Two: 2\r\n"));
  EXPECT_THAT(text, EndsWith("\r\n\r\nnone\n"));
  EXPECT_THAT(text, HasSubstr("\r\nConnection: keep-alive\r\n"));
}

TEST(ResponseTest, HasTheDateInTheFormOfHttp) {
  EXPECT_THAT(serialize({}, true, false),
              MatchesRegex(".*\r\nDate: [A-Z][a-z][a-z], [0-9][0-9] [A-Z][a-z][a-z] "
                           "[0-9]+ [0-9:]+ GMT\r\n.*"));
}

TEST(ResponseTest, SaysThatTheConnectionEnds) {
  EXPECT_THAT(serialize({}, false, false), HasSubstr("\r\nConnection: close\r\n"));
}

TEST(ResponseTest, HasOneConnectionHeader) {
  const Response response{.status = 426, .body = {}, .headers = {{"Connection", "Upgrade"}, {"X", "1"}}};
  EXPECT_THAT(serialize(response, false, false), HasSubstr("\r\nX: 1\r\nConnection: Upgrade, close\r\n\r\n"));
  EXPECT_THAT(serialize(response, true, false),
              HasSubstr("\r\nX: 1\r\nConnection: Upgrade, keep-alive\r\n\r\n"));
}

TEST(ResponseTest, LeavesOutTheBodyOfTheAnswerToHead) {
  const Response response{.body = "body", .headers = {}};
  const std::string text = serialize(response, true, true);
  EXPECT_THAT(text, HasSubstr("Content-Length: 4\r\n"));
  EXPECT_THAT(text, EndsWith("\r\n\r\n"));
}

TEST(ResponseTest, HasAReasonForEveryStatus) {
  for (const unsigned status : {200U, 400U, 403U, 404U, 405U, 413U, 426U, 431U, 503U}) {
    const std::string text = serialize({.status = status, .body = {}, .headers = {}}, true, false);
    EXPECT_THAT(text, Not(StartsWith("HTTP/1.1 " + std::to_string(status) + " Error"))) << status;
  }
}

TEST(ResponseTest, ExplainsARefusalInOneLineOfJson) {
  const Response response = error_response({.status = 431,
                                            .code = "HEADER_TOO_LARGE",
                                            .message = "a \"quoted\"\r\nline",
                                            .headers = {{"Retry-After", "1"}}});
  EXPECT_EQ(response.status, 431U);
  EXPECT_EQ(response.headers.size(), 1U);
  EXPECT_EQ(response.body.find('\n'), response.body.size() - 1);
  const auto json = nlohmann::json::parse(response.body);
  EXPECT_EQ(json["error"]["code"], "HEADER_TOO_LARGE");
  EXPECT_EQ(json["error"]["message"], "a \"quoted\"\r\nline");
}

TEST(ResponseTest, SwitchesProtocolsWithTheHeadersGiven) {
  const std::vector<std::pair<std::string, std::string>> headers{{"Sec-WebSocket-Accept", "token"}};
  EXPECT_EQ(serialize_upgrade(headers),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: token\r\n\r\n");
}

}  // namespace
}  // namespace wskit::server::http
