#include "common/client/upgrade.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/websocket/handshake.h"

namespace wskit::client {
namespace {

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 section 1.3

class UpgradeTest : public ::testing::Test {
 protected:
  UpgradeTest() { options_.url = *parse_url("ws://h:9000/ws/a?events=b"); }

  UpgradeAnswer::Status answer(std::string_view response, bool ended = false) {
    answer_ = std::make_unique<UpgradeAnswer>(options_, std::string(kKey));
    UpgradeAnswer::Status status = UpgradeAnswer::Status::kNeedMore;
    // Byte by byte, as a network may deliver it.
    std::size_t at = 0;
    while (at < response.size() && status == UpgradeAnswer::Status::kNeedMore) {
      status = answer_->feed(response.substr(at++, 1));
    }
    rest_ = std::string(response.substr(at));
    if (ended && status == UpgradeAnswer::Status::kNeedMore) status = answer_->end();
    return status;
  }

  std::string switching(std::string_view more = {}) {
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
           "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" +
           std::string(more) + "\r\n";
  }

  ClientOptions options_;
  std::unique_ptr<UpgradeAnswer> answer_;
  std::string rest_;
};

TEST_F(UpgradeTest, AsksForTheTargetWithHostAndHeaders) {
  options_.headers = {{"Authorization", "Bearer t"}};
  const std::string request = upgrade_request(options_, kKey);
  EXPECT_TRUE(request.starts_with("GET /ws/a?events=b HTTP/1.1\r\nHost: h:9000\r\n")) << request;
  EXPECT_NE(request.find("\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), std::string::npos);
  EXPECT_NE(request.find("\r\nAuthorization: Bearer t\r\n"), std::string::npos);
  EXPECT_EQ(request.find("Sec-WebSocket-Extensions"), std::string::npos);
  EXPECT_TRUE(request.ends_with("\r\n\r\n"));
}

TEST_F(UpgradeTest, ShowsTheToken) {
  options_.token = "t0k.en";
  EXPECT_NE(upgrade_request(options_, kKey).find("\r\nAuthorization: Bearer t0k.en\r\n"), std::string::npos);
}

TEST_F(UpgradeTest, OffersDeflateWhenAsked) {
  options_.offer_deflate = true;
  EXPECT_NE(upgrade_request(options_, kKey).find("\r\nSec-WebSocket-Extensions: permessage-deflate"),
            std::string::npos);
}

TEST_F(UpgradeTest, AcceptsTheRightAnswerHoweverItIsCut) {
  EXPECT_EQ(answer(switching()), UpgradeAnswer::Status::kAccepted);
  EXPECT_FALSE(answer_->deflate());
}

TEST_F(UpgradeTest, KeepsTheFirstBytesOfTheStream) {
  UpgradeAnswer whole(options_, std::string(kKey));
  EXPECT_EQ(whole.feed(switching() + "\x81\x02hi"), UpgradeAnswer::Status::kAccepted);
  EXPECT_EQ(whole.take_rest(), "\x81\x02hi");
}

TEST_F(UpgradeTest, RefusesAWrongAcceptToken) {
  std::string response = switching();
  response.replace(response.find("s3pP"), 4, "XXXX");
  EXPECT_EQ(answer(response), UpgradeAnswer::Status::kRefused);
  EXPECT_EQ(answer_->failure().failure.kind, FailureKind::kRefused);
  EXPECT_FALSE(answer_->failure().temporary);
}

TEST_F(UpgradeTest, RefusesAnExtensionThatWasNotOffered) {
  EXPECT_EQ(answer(switching("Sec-WebSocket-Extensions: permessage-deflate\r\n")),
            UpgradeAnswer::Status::kRefused);
}

// H11: RFC 6455 4.1, items 5 and 6.
TEST_F(UpgradeTest, RefusesASecondExtensionInALineOfItsOwn) {
  options_.offer_deflate = true;
  EXPECT_EQ(answer(switching("Sec-WebSocket-Extensions: permessage-deflate\r\n"
                             "Sec-WebSocket-Extensions: x-other\r\n")),
            UpgradeAnswer::Status::kRefused);
  EXPECT_TRUE(answer_->failure().failure.message.ends_with("not offered: permessage-deflate, x-other"));
  EXPECT_EQ(answer(switching("Sec-WebSocket-Extensions: x-other\r\n"
                             "Sec-WebSocket-Extensions: permessage-deflate\r\n")),
            UpgradeAnswer::Status::kRefused);
  EXPECT_EQ(answer(switching("Sec-WebSocket-Extensions:\r\nSec-WebSocket-Extensions: x-other\r\n")),
            UpgradeAnswer::Status::kRefused);
}

// H11
TEST_F(UpgradeTest, RefusesASubprotocolThatWasNotOffered) {
  constexpr std::string_view kChosen = "Sec-WebSocket-Protocol: wskit.v1.json\r\n";
  EXPECT_EQ(answer(switching(kChosen)), UpgradeAnswer::Status::kRefused);
  EXPECT_TRUE(
      answer_->failure().failure.message.ends_with("a subprotocol that was not offered: wskit.v1.json"));
  EXPECT_EQ(answer(switching("Sec-WebSocket-Protocol:\r\n")), UpgradeAnswer::Status::kRefused);
  options_.headers = {{"sec-websocket-protocol", "a, wskit.v1.json"}};
  EXPECT_EQ(answer(switching(kChosen)), UpgradeAnswer::Status::kAccepted) << "the user asked for it";
  EXPECT_EQ(answer(switching()), UpgradeAnswer::Status::kAccepted) << "it may choose none";
  EXPECT_EQ(answer(switching("Sec-WebSocket-Protocol: b\r\n")), UpgradeAnswer::Status::kRefused);
  EXPECT_EQ(answer(switching("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: wskit.v1.json\r\n")),
            UpgradeAnswer::Status::kRefused);
}

// H11: RFC 9110 15.2.
TEST_F(UpgradeTest, PassesOverAnswersBeforeTheRealOne) {
  const std::string hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  EXPECT_EQ(answer("HTTP/1.1 100 Continue\r\n\r\n" + hints + switching()), UpgradeAnswer::Status::kAccepted);
  UpgradeAnswer whole(options_, std::string(kKey));
  EXPECT_EQ(whole.feed(hints + hints + switching() + "\x81\x02hi"), UpgradeAnswer::Status::kAccepted);
  EXPECT_EQ(whole.take_rest(), "\x81\x02hi");
  EXPECT_EQ(answer(hints + "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"),
            UpgradeAnswer::Status::kRefused);
  EXPECT_EQ(answer_->failure().failure.http_status, 401);
  EXPECT_EQ(answer(hints, true), UpgradeAnswer::Status::kRefused);
  EXPECT_TRUE(answer_->failure().temporary) << "it closed before its answer";
  EXPECT_EQ(answer(hints + "SSH-2.0-x"), UpgradeAnswer::Status::kRefused);
  std::string endless;
  for (int i = 0; i < 100; ++i) endless += hints;
  EXPECT_EQ(answer(endless), UpgradeAnswer::Status::kRefused);
}

// H11: RFC 9110 5.3.
TEST_F(UpgradeTest, AListMayStandInSeveralLines) {
  EXPECT_EQ(answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: keep-alive\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
            UpgradeAnswer::Status::kAccepted);
}

TEST_F(UpgradeTest, TakesTheDeflateThatWasOffered) {
  options_.offer_deflate = true;
  EXPECT_EQ(answer(switching("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n")),
            UpgradeAnswer::Status::kAccepted);
  ASSERT_TRUE(answer_->deflate());
  EXPECT_TRUE(answer_->deflate()->server_no_context_takeover);
}

TEST_F(UpgradeTest, TellsTheReasonInAJsonError) {
  const std::string body = R"({"error":{"code":"UNAUTHORIZED","message":"a token is required"}})";
  EXPECT_EQ(answer("HTTP/1.1 401 Unauthorized\r\nContent-Length: " + std::to_string(body.size()) +
                   "\r\n\r\n" + body),
            UpgradeAnswer::Status::kRefused);
  const ConnectFailure& why = answer_->failure();
  EXPECT_EQ(why.failure.message,
            "refused by ws://h:9000/ws/a?events=...: 401 Unauthorized: a token is required; give a "
            "token with --token-file or WSKIT_TOKEN");
  EXPECT_EQ(why.failure.http_status, 401);
  EXPECT_EQ(why.failure.kind, FailureKind::kRefused);
  EXPECT_FALSE(why.temporary);
}

TEST_F(UpgradeTest, SaysWhatHelpsAgainstARefusalWithoutTheToken) {
  constexpr std::string_view kRefusal = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
  const auto message = [&] {
    EXPECT_EQ(answer(kRefusal), UpgradeAnswer::Status::kRefused);
    return answer_->failure().failure.message;
  };
  EXPECT_TRUE(message().ends_with("401 Unauthorized; give a token with --token-file or WSKIT_TOKEN"));
  options_.token = "s3cret";
  EXPECT_TRUE(message().ends_with("401 Unauthorized; give another token, with --token-file or WSKIT_TOKEN"));
  options_.token_file = "/run/token";
  EXPECT_TRUE(message().ends_with("401 Unauthorized; put a good token into /run/token"));
  EXPECT_EQ(message().find("s3cret"), std::string::npos);
}

TEST_F(UpgradeTest, AServerThatSpeaksTlsIsRecognized) {
  EXPECT_EQ(answer("\x15\x03\x01"), UpgradeAnswer::Status::kRefused);
  EXPECT_EQ(answer_->failure().failure.message,
            "ws://h:9000/ws/a?events=... speaks TLS: use wss://h:9000/ws/a?events=...");
  EXPECT_EQ(answer("HTTP/1.1 400 Bad Request\r\nContent-Length: 61\r\n\r\n"
                   "<html>The plain HTTP request was sent to an HTTPS port</html>"),
            UpgradeAnswer::Status::kRefused);
  EXPECT_TRUE(answer_->failure().failure.message.ends_with(
      "400 Bad Request; it speaks TLS: use wss://h:9000/ws/a?events=..."));
  EXPECT_EQ(answer("", true), UpgradeAnswer::Status::kRefused);
  EXPECT_TRUE(
      answer_->failure().failure.message.ends_with("if it speaks TLS, use wss://h:9000/ws/a?events=..."));
}

TEST_F(UpgradeTest, AServerOfAnotherKindIsAskedAbout) {
  EXPECT_EQ(answer("SSH-2.0-OpenSSH_9.2\r\n"), UpgradeAnswer::Status::kRefused);
  EXPECT_TRUE(answer_->failure().failure.message.ends_with("is this the server's port?"));
  EXPECT_EQ(answer("HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\n<html>"),
            UpgradeAnswer::Status::kRefused);
  EXPECT_TRUE(answer_->failure().failure.message.ends_with(
      "404 Not Found; is it a wskit server, and /ws/a its path?"));
}

TEST_F(UpgradeTest, TellsTheFirstLineOfATextErrorAndNothingOfAPage) {
  EXPECT_EQ(answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 11\r\n\r\nno entry\nxx"),
            UpgradeAnswer::Status::kRefused);
  EXPECT_TRUE(answer_->failure().failure.message.ends_with("403 Forbidden: no entry"));
  EXPECT_EQ(answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n<html>"),
            UpgradeAnswer::Status::kRefused);
  EXPECT_TRUE(answer_->failure().failure.message.find("403 Forbidden; a token") != std::string::npos);
}

TEST_F(UpgradeTest, TellsAReasonThatIsNoUtf8AsUtf8) {
  EXPECT_EQ(answer("HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nno\xff\xc3"),
            UpgradeAnswer::Status::kRefused);
  const std::string message = answer_->failure().failure.message;
  EXPECT_TRUE(message.ends_with(": no\uFFFD\uFFFD")) << message;
}

TEST_F(UpgradeTest, AServerThatIsNotReadyIsWorthAnotherTry) {
  EXPECT_EQ(answer("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"),
            UpgradeAnswer::Status::kRefused);
  EXPECT_TRUE(answer_->failure().temporary);
  EXPECT_EQ(answer_->failure().retry_after, std::chrono::seconds{7});
}

// F21: what stands in front of a server that is not there says so with these.
TEST_F(UpgradeTest, AGatewayWithoutItsServerIsNoRefusal) {
  for (const char* status : {"502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"}) {
    EXPECT_EQ(answer("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 0\r\n\r\n"),
              UpgradeAnswer::Status::kRefused);
    EXPECT_EQ(answer_->failure().failure.kind, FailureKind::kUnreachable) << status;
    EXPECT_TRUE(answer_->failure().failure.message.starts_with("cannot reach ws://h:9000")) << status;
    EXPECT_TRUE(answer_->failure().temporary) << status;
  }
}

// F21
TEST_F(UpgradeTest, ARefusalThatIsNotOfWhoAsksMayPass) {
  for (const auto& [status, passing] : {std::pair{"404 Not Found", true},
                                        {"200 OK", true},
                                        {"301 Moved Permanently", true},
                                        {"426 Upgrade Required", true},
                                        {"401 Unauthorized", false},
                                        {"403 Forbidden", false}}) {
    EXPECT_EQ(answer("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 0\r\n\r\n"),
              UpgradeAnswer::Status::kRefused);
    EXPECT_EQ(answer_->failure().passing, passing) << status;
    EXPECT_FALSE(answer_->failure().temporary) << status;
  }
}

// F19: a tool did ask for the upgrade, so that somebody has taken it away.
TEST_F(UpgradeTest, AnUpgradeThatNeverArrivedIsAProxys) {
  const std::string body = R"({"error":{"message":"this address speaks WebSocket: open it with wstap"}})";
  EXPECT_EQ(answer("HTTP/1.1 426 Upgrade Required\r\nContent-Length: " + std::to_string(body.size()) +
                   "\r\n\r\n" + body),
            UpgradeAnswer::Status::kRefused);
  EXPECT_NE(answer_->failure().failure.message.find("; a proxy in between does not pass the upgrade on"),
            std::string::npos)
      << answer_->failure().failure.message;
  EXPECT_EQ(
      answer("HTTP/1.1 400 Bad Request\r\n\r\na WebSocket handshake needs the header Connection: Upgrade",
             true),
      UpgradeAnswer::Status::kRefused);
  EXPECT_NE(answer_->failure().failure.message.find("a proxy in between"), std::string::npos);
}

TEST_F(UpgradeTest, SaysWhereAMovedServerIs) {
  EXPECT_EQ(answer("HTTP/1.1 301 Moved Permanently\r\nLocation: https://h2/ws\r\nContent-Length: 0\r\n\r\n"),
            UpgradeAnswer::Status::kRefused);
  EXPECT_NE(answer_->failure().failure.message.find("https://h2/ws"), std::string::npos);
}

TEST_F(UpgradeTest, AnAnswerUpToTheEndOfTheConnectionCountsToo) {
  EXPECT_EQ(answer("HTTP/1.1 400 Bad Request\r\n\r\nbad key", true), UpgradeAnswer::Status::kRefused);
  EXPECT_TRUE(answer_->failure().failure.message.ends_with("400 Bad Request: bad key"));
}

TEST_F(UpgradeTest, AHugeErrorPageIsNotWaitedFor) {
  EXPECT_EQ(answer("HTTP/1.1 404 Not Found\r\nContent-Length: 99999999\r\n\r\n" + std::string(20000, 'x')),
            UpgradeAnswer::Status::kRefused);
  EXPECT_EQ(answer_->failure().failure.http_status, 404);
}

// H1: Beast throws at a trailer or a chunk's extension that is too long for it.
TEST_F(UpgradeTest, ARefusalWithALongTrailerIsARefusal) {
  const std::string head = "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::vector<std::string> bodies{
      head + "0\r\nX: " + std::string(70'000, 'a') + "\r\n\r\n",
      head + "2;x=" + std::string(70'000, 'a') + "\r\nno\r\n0\r\n\r\n",
      head + "2\r\nno\r\n0\r\n" + std::string(70'000, 'a') + ": b\r\n\r\n",
  };
  for (const std::string& text : bodies) {
    for (const std::size_t piece : {std::size_t{4'096}, text.size()}) {
      UpgradeAnswer answer(options_, std::string(kKey));
      UpgradeAnswer::Status status = UpgradeAnswer::Status::kNeedMore;
      for (std::size_t at = 0; at < text.size() && status == UpgradeAnswer::Status::kNeedMore; at += piece) {
        status = answer.feed(std::string_view(text).substr(at, piece));
      }
      EXPECT_EQ(status, UpgradeAnswer::Status::kRefused);
      EXPECT_EQ(answer.failure().failure.kind, FailureKind::kRefused);
    }
  }
}

TEST_F(UpgradeTest, AConnectionThatEndsWithoutAnAnswerIsNotARefusal) {
  EXPECT_EQ(answer("HTTP/1.1 10", true), UpgradeAnswer::Status::kRefused);
  EXPECT_EQ(answer_->failure().failure.kind, FailureKind::kUnreachable);
  EXPECT_TRUE(answer_->failure().temporary);
}

TEST_F(UpgradeTest, RefusesWhatIsNotHttp) {
  EXPECT_EQ(answer("SSH-2.0-OpenSSH_9.2p1 Debian\r\n\r\n"), UpgradeAnswer::Status::kRefused);
  EXPECT_NE(answer_->failure().failure.message.find("does not speak HTTP"), std::string::npos);
}

}  // namespace
}  // namespace wskit::client
