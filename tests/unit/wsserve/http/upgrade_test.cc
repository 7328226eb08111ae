#include "wsserve/http/upgrade.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "http_requests.h"

namespace wskit::server::http {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::StartsWith;

// The handshake of RFC 6455 with one header changed, left out or added.
class UpgradeTest : public testing::Test {
 protected:
  void set(const std::string& name, const std::string& value) {
    leave_out(name);
    add(name, value);
  }
  void leave_out(std::string_view name) {
    std::erase_if(request_.headers, [&](const auto& header) { return header.first == name; });
  }
  void add(const std::string& name, const std::string& value) { request_.headers.emplace_back(name, value); }

  UpgradeResult accepted() {
    UpgradeResult result = accept_upgrade(request_, policy_);
    EXPECT_TRUE(result.upgrade.has_value()) << result.error.message;
    return result;
  }

  HttpError refused() {
    UpgradeResult result = accept_upgrade(request_, policy_);
    EXPECT_FALSE(result.upgrade.has_value()) << result.upgrade->response;
    return result.error;
  }

  Request request_ = request_for("/ws", "GET", handshake_headers());
  websocket::DeflatePolicy policy_;
};

TEST_F(UpgradeTest, AcceptsTheHandshakeOfTheStandard) {
  EXPECT_TRUE(wants_upgrade(request_));
  const UpgradeResult result = accepted();
  EXPECT_EQ(result.upgrade->response,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  EXPECT_EQ(result.upgrade->deflate, std::nullopt);
}

TEST_F(UpgradeTest, FindsTheTokensInListsAndInAnyCase) {
  set("upgrade", "foo/1, WebSocket");
  set("connection", "keep-alive , UPGRADE");
  EXPECT_TRUE(wants_upgrade(request_));
  accepted();
  set("upgrade", "foo");
  add("upgrade", "websocket");
  EXPECT_TRUE(wants_upgrade(request_));
}

TEST_F(UpgradeTest, WantsNoUpgradeToAnythingElse) {
  for (const char* value : {"h2c", "websockets", "web socket", "", "xwebsocket"}) {
    set("upgrade", value);
    EXPECT_FALSE(wants_upgrade(request_)) << value;
  }
  leave_out("upgrade");
  EXPECT_FALSE(wants_upgrade(request_));
}

TEST_F(UpgradeTest, TellsAPlainRequestHowToCome) {
  const HttpError error = upgrade_required();
  EXPECT_EQ(error.status, 426U);
  EXPECT_EQ(error.code, "UPGRADE_REQUIRED");
  EXPECT_THAT(error.headers, Contains(Pair("Upgrade", "websocket")));
  EXPECT_THAT(error.headers, Contains(Pair("Connection", "Upgrade")));
  EXPECT_THAT(error.headers, Contains(Pair("Sec-WebSocket-Version", "13")));
}

TEST_F(UpgradeTest, RefusesAConnectionThatIsNotToBeUpgraded) {
  leave_out("connection");
  EXPECT_EQ(refused().status, 400U);
  for (const char* value : {"keep-alive", "upgraded", ""}) {
    set("connection", value);
    EXPECT_EQ(refused().status, 400U) << value;
    EXPECT_THAT(refused().message, HasSubstr("Connection"));
  }
}

TEST_F(UpgradeTest, RefusesHttp10) {
  request_.http_1_1 = false;
  EXPECT_EQ(refused().status, 400U);
}

TEST_F(UpgradeTest, RefusesEveryVersionBut13AndNamesIt) {
  for (const char* value : {"8", "12", "14", "013", "13, 13", "13.0", ""}) {
    set("sec-websocket-version", value);
    EXPECT_EQ(refused().status, 426U) << value;
    EXPECT_THAT(refused().headers, Contains(Pair("Sec-WebSocket-Version", "13")));
  }
  leave_out("sec-websocket-version");
  EXPECT_EQ(refused().status, 426U);
  set("sec-websocket-version", "13");
  add("sec-websocket-version", "13");
  EXPECT_EQ(refused().status, 426U);
}

TEST_F(UpgradeTest, RefusesAKeyThatIsNot16BytesOfBase64) {
  for (const char* value : {"", "dGhlIHNhbXBsZSBub25jZQ",
                            "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25j",
                            "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZ!==",
                            "dGhlIHNhbXBsZSBub25jZSBs"}) {
    set("sec-websocket-key", value);
    EXPECT_EQ(refused().status, 400U) << value;
    EXPECT_THAT(refused().message, HasSubstr("Sec-WebSocket-Key"));
  }
}

TEST_F(UpgradeTest, RefusesAMissingOrRepeatedKey) {
  add("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
  EXPECT_EQ(refused().status, 400U);
  leave_out("sec-websocket-key");
  EXPECT_EQ(refused().status, 400U);
}

TEST_F(UpgradeTest, AgreesOnTheOneSubprotocolThatItSpeaks) {
  set("sec-websocket-protocol", "other, wskit.v1.json");
  EXPECT_THAT(accepted().upgrade->response, HasSubstr("\r\nSec-WebSocket-Protocol: wskit.v1.json\r\n"));
  set("sec-websocket-protocol", "other");
  EXPECT_THAT(accepted().upgrade->response, Not(HasSubstr("Sec-WebSocket-Protocol")));
}

TEST_F(UpgradeTest, AgreesOnCompressionWithoutTakeoverUnlessAskedTo) {
  set("sec-websocket-extensions", "permessage-deflate; client_max_window_bits");
  const UpgradeResult result = accepted();
  ASSERT_TRUE(result.upgrade->deflate.has_value());
  EXPECT_TRUE(result.upgrade->deflate->server_no_context_takeover);
  EXPECT_THAT(result.upgrade->response, HasSubstr("\r\nSec-WebSocket-Extensions: permessage-deflate"));
}

TEST_F(UpgradeTest, JoinsTheOffersOfSeveralHeaders) {
  add("sec-websocket-extensions", "x-unknown");
  add("sec-websocket-extensions", "permessage-deflate");
  EXPECT_TRUE(accepted().upgrade->deflate.has_value());
}

TEST_F(UpgradeTest, DeclinesCompressionThatItDoesNotServe) {
  set("sec-websocket-extensions", "permessage-deflate; nonsense=1");
  EXPECT_EQ(accepted().upgrade->deflate, std::nullopt);
  EXPECT_THAT(accepted().upgrade->response, Not(HasSubstr("Sec-WebSocket-Extensions")));
  policy_.enabled = false;
  set("sec-websocket-extensions", "permessage-deflate");
  EXPECT_EQ(accepted().upgrade->deflate, std::nullopt);
}

}  // namespace
}  // namespace wskit::server::http
