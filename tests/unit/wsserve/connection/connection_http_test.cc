// One connection of requests, or of a stream of server-sent events.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "connection_fixture.h"

namespace wskit::server {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class ConnectionHttpTest : public ConnectionFixture {};

// --- Requests ------------------------------------------------------------------

TEST_F(ConnectionHttpTest, APlainRequestGetsItsPageAndTheConnectionGoesOnWithTheNext) {
  TestClient& client = connect();
  client.send(get("/healthz"));
  turn();
  EXPECT_THAT(client.take_bytes(),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Connection: keep-alive\r\n"),
                    EndsWith("\r\n\r\n{\"status\":\"ok\"}\n")));
  client.send(get("/nothing"));
  turn();
  EXPECT_THAT(client.take_bytes(),
              AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("Connection: keep-alive\r\n")));
  client.send(get("/healthz", "Connection: close\r\n"));
  turn();
  EXPECT_THAT(client.take_bytes(), AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Connection: close\r\n")));
  EXPECT_TRUE(client.is_over());
  EXPECT_EQ(counters().http_requests.get(), 3U);
  EXPECT_EQ(counters().http_errors.get(), 1U);
}

TEST_F(ConnectionHttpTest, RequestsThatAreSentAtOnceAreAnsweredInTheirOrder) {
  handler().on_request = [](Connection& connection, std::string_view what) {
    connection.answer_http(std::string(what));
  };
  TestClient& client = connect();
  client.send(get("/healthz") + get("/channels") + get("/nothing") + get("/healthz"));
  turn();
  const std::string answers = client.take_bytes();
  std::vector<std::string> statuses;
  for (std::size_t at = answers.find("HTTP/1.1 "); at != std::string::npos;
       at = answers.find("HTTP/1.1 ", at + 1)) {
    statuses.push_back(answers.substr(at + 9, 3));
  }
  EXPECT_THAT(statuses, ElementsAre("200", "200", "404", "200"));
  EXPECT_THAT(answers, HasSubstr("\r\n\r\nlisting channelsHTTP/1.1 404 "));
  EXPECT_EQ(asked(client, Due::kFlush), 1U) << "they are written together";
}

TEST_F(ConnectionHttpTest, AHeadHasTheHeadersAndNoBody) {
  TestClient& client = connect();
  client.send("HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  turn();
  EXPECT_THAT(client.take_bytes(),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Length: 16\r\n"), EndsWith("\r\n\r\n")));
}

TEST_F(ConnectionHttpTest, ABodyThatIsHeldBackIsAskedFor) {
  handler().on_request = [](Connection& connection, std::string_view) { connection.answer_http("done\n"); };
  TestClient& client = connect();
  client.send(
      "POST /publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  turn();
  EXPECT_EQ(client.take_bytes(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("42");
  turn();
  EXPECT_THAT(client.take_bytes(), AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\ndone\n")));
}

TEST_F(ConnectionHttpTest, AGetOfAWebSocketAddressIsAnsweredWith426AndTheUpgradeMayFollow) {
  TestClient& client = connect();
  client.send(get("/ws"));
  turn();
  EXPECT_THAT(client.take_bytes(), StartsWith("HTTP/1.1 426 "));
  client.send(upgrade("/ws"));
  turn();
  EXPECT_THAT(client.take_bytes(), StartsWith("HTTP/1.1 101 "));
}

TEST_F(ConnectionHttpTest, WhatIsNoHttpIsAnsweredWith400AndNothingBehindItIsServed) {
  TestClient& client = connect();
  client.send("hello\r\n\r\n" + get("/healthz"));
  turn();
  EXPECT_THAT(client.take_bytes(), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("Connection: close\r\n"),
                                         Not(HasSubstr(" 200 "))));
  EXPECT_TRUE(client.is_over());
}

TEST_F(ConnectionHttpTest, ATlsHelloIsToldThatThereIsNoTls) {
  TestClient& client = connect();
  client.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  turn();
  EXPECT_THAT(client.take_bytes(), AllOf(StartsWith("HTTP/1.1 400 "),
                                         HasSubstr("this port does not speak TLS: use http:// or ws://")));
  EXPECT_TRUE(client.is_over());
  EXPECT_EQ(counters().tls_failures.get(), 1U);
}

TEST_F(ConnectionHttpTest, ARequestThatIsNotWholeInTheHandshakesTimeEndsTheConnection) {
  TestClient& client = connect();
  client.send("GET /healthz HTTP/1.1\r\nHo");
  pass(9s);
  client.send("st: localhost\r\n");
  pass(900ms);
  EXPECT_FALSE(client.is_gone());
  pass(200ms);
  EXPECT_TRUE(client.is_gone());
  EXPECT_THAT(client.take_bytes(), IsEmpty());
  EXPECT_EQ(counters().handshake_timeouts.get(), 1U);
}

TEST_F(ConnectionHttpTest, AConnectionMayWaitForItsNextRequestUntilTheIdleTimeout) {
  TestClient& client = connect();
  client.send(get("/healthz"));
  turn();
  for (int seconds = 0; seconds < 59; ++seconds) pass(1s);
  EXPECT_FALSE(client.is_gone());
  pass(1s);
  pass(TimingWheel::kTick);
  EXPECT_TRUE(client.is_gone());
  EXPECT_EQ(counters().idle_timeouts.get(), 1U);
  EXPECT_EQ(counters().handshake_timeouts.get(), 0U);
}

TEST_F(ConnectionHttpTest, AnAnswerThatIsNotTakenInTheHandshakesTimeEndsTheConnection) {
  handler().on_request = [](Connection& connection, std::string_view) {
    connection.answer_http(std::string(500'000, 'a'));
  };
  TestClient& client = connect(kSmallBuffer);
  client.send(get("/channels"));
  turn();
  pass(9s);
  EXPECT_FALSE(client.is_gone());
  pass(2s);
  EXPECT_TRUE(client.is_gone());
  EXPECT_EQ(counters().handshake_timeouts.get(), 1U);
  EXPECT_EQ(counters().queued_bytes.get(), 0U);
}

TEST_F(ConnectionHttpTest, RequestsThatAreSentAheadAreNotServedOnceTooManyAnswersWait) {
  set([](Settings& settings) { settings.queue_limit_bytes = 50'000; });
  int served = 0;
  handler().on_request = [&](Connection& connection, std::string_view) {
    ++served;
    connection.answer_http(std::string(20'000, 'a'));
  };
  TestClient& client = connect(kSmallBuffer);
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += get("/channels");
  client.send(requests);
  turn();
  EXPECT_LT(served, 6);
  const std::string answers = read_all_bytes(client);
  EXPECT_GT(answers.size(), 20'000U * static_cast<unsigned>(served)) << "those that were served come whole";
  EXPECT_TRUE(client.is_over());
}

TEST_F(ConnectionHttpTest, AnExceptionWhileARequestIsServedIsAnsweredWith500) {
  handler().on_request = [](Connection&, std::string_view) { throw std::bad_alloc(); };
  TestClient& client = connect();
  client.send(get("/channels") + get("/healthz"));
  turn();
  EXPECT_THAT(client.take_bytes(), AllOf(StartsWith("HTTP/1.1 500 "), HasSubstr("Connection: close\r\n"),
                                         HasSubstr(R"("code":"INTERNAL")"), Not(HasSubstr(" 200 "))));
  EXPECT_TRUE(client.is_over());
  EXPECT_EQ(server().incidents().total(), 1U);
}

TEST_F(ConnectionHttpTest, APeerThatHasSaidAllStillGetsTheAnswerThatItAskedFor) {
  handler().on_request = [](Connection& connection, std::string_view) {
    connection.answer_http(std::string(500'000, 'a'));
  };
  TestClient& client = connect(kSmallBuffer);
  client.send(get("/channels"));
  client.end();
  turn();
  turn();
  EXPECT_FALSE(client.is_gone());
  const std::string answer = read_all_bytes(client);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, 500'000U);
  EXPECT_TRUE(client.is_over());
  turn();
  EXPECT_TRUE(client.is_gone());
}

TEST_F(ConnectionHttpTest, AHalfClosedConnectionThatAskedForNothingEnds) {
  TestClient& client = connect();
  client.end();
  turn();
  EXPECT_TRUE(client.is_gone());
  EXPECT_TRUE(client.is_over());
}

// --- Server-sent events --------------------------------------------------------

TEST_F(ConnectionHttpTest, AStreamBeginsWithWhenToComeBackAndItsEndIsAnEvent) {
  handler().on_request = [](Connection& connection, std::string_view) {
    connection.send_text(R"({"type":"subscribed","data":{}})");
  };
  TestClient& client = connect();
  client.send(get("/events/a"));
  turn();
  EXPECT_THAT(client.take_bytes(),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Content-Type: text/event-stream\r\n"),
                    HasSubstr("\r\n\r\nretry: "),
                    EndsWith("event: @subscribed\ndata: {\"type\":\"subscribed\",\"data\":{}}\n\n")));
  EXPECT_EQ(counters().event_streams.get(), 1U);
  client.connection().drain(1500ms);
  turn();
  EXPECT_THAT(client.take_bytes(),
              AllOf(StartsWith("retry: 1500\n"), HasSubstr("event: @close\n"),
                    HasSubstr(R"("data":{"code":1001,"reason":"reconnect after 1500 ms"})")));
  EXPECT_TRUE(client.is_over());
  EXPECT_EQ(counters().event_streams.get(), 0U);
}

TEST_F(ConnectionHttpTest, AStreamOfAFullServerEndsAtOnceWithALongTimeToComeBack) {
  server().max_connections = 0;
  TestClient& client = connect();
  client.send(get("/events/a"));
  turn();
  EXPECT_THAT(client.take_bytes(), AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("retry: 10000\n"),
                                         HasSubstr(R"("data":{"code":1013,)")));
  EXPECT_TRUE(client.is_over());
}

TEST_F(ConnectionHttpTest, AQuietStreamGetsACommentEachHeartbeat) {
  TestClient& client = connect();
  client.send(get("/events/a"));
  turn();
  (void)client.take_bytes();
  for (int beat = 0; beat < 3; ++beat) {
    pass(31s);
    EXPECT_THAT(client.take_bytes(), StartsWith(":"));
  }
}

}  // namespace
}  // namespace wskit::server
