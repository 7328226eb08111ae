// One WebSocket from its upgrade on: what it reads and what it is sent.
#include "wsserve/connection/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>

#include "connection_fixture.h"

namespace wskit::server {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using websocket::client_frame;
using websocket::client_header;
using websocket::first_byte;
using websocket::Opcode;
using websocket::server_frame;

class ConnectionTest : public ConnectionFixture {};

// --- The opening ---------------------------------------------------------------

TEST_F(ConnectionTest, AnUpgradeIsAnsweredWith101AndTheHandlerIsAskedToWelcome) {
  TestClient& client = connect();
  client.send(upgrade("/ws/market/AAPL"));
  turn();
  const std::string answer = client.take_bytes();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_THAT(answer, HasSubstr("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
  ASSERT_THAT(handler().welcomes, SizeIs(1));
  EXPECT_EQ(handler().welcomes[0].connection, client.number());
  EXPECT_THAT(handler().welcomes[0].channels, ElementsAre("market/AAPL"));
  EXPECT_EQ(handler().welcomes[0].heartbeat, 30s);
  EXPECT_TRUE(client.is_open());
  EXPECT_EQ(client.connection().client().id(), "node-0-1");
  EXPECT_EQ(counters().connections.get(), 1U);
}

TEST_F(ConnectionTest, AnUpgradeMayComeByteByByte) {
  TestClient& client = connect();
  for (const char byte : upgrade("/ws")) {
    EXPECT_THAT(client.take_bytes(), IsEmpty());
    client.send({&byte, 1});
    turn();
  }
  EXPECT_THAT(client.take_bytes(), StartsWith("HTTP/1.1 101 "));
}

TEST_F(ConnectionTest, WhatFollowsTheUpgradeInTheSamePacketIsCarriedOutBehindTheWelcome) {
  handler().on_welcome = [](Connection& connection) { connection.send_text("welcome"); };
  answer_messages();
  TestClient& client = connect();
  client.send(upgrade("/ws") + client_frame(Opcode::kText, "first"));
  turn();
  EXPECT_THAT(client.take_bytes(), EndsWith("\r\n\r\n" + server_frame(first_byte(Opcode::kText), "welcome") +
                                            server_frame(first_byte(Opcode::kText), "first")));
}

TEST_F(ConnectionTest, AClientGetsTheHeartbeatThatItAsksForButNoShorterOneThanTheServerAllows) {
  set([](Settings& settings) { settings.min_heartbeat = 5min; });
  open("/ws?heartbeat=0.1");
  open("/ws?heartbeat=600");
  open("/ws?heartbeat=0");
  ASSERT_THAT(handler().welcomes, SizeIs(3));
  EXPECT_EQ(handler().welcomes[0].heartbeat, 5min);
  EXPECT_EQ(handler().welcomes[1].heartbeat, 10min);
  EXPECT_EQ(handler().welcomes[2].heartbeat, 0s);
}

TEST_F(ConnectionTest, AServerThatIsFullOpensTheWebSocketAndClosesItWith1013) {
  server().max_connections = 1;
  TestClient& first = open();
  TestClient& second = connect();
  second.send(upgrade("/ws"));
  turn();
  const std::string answer = second.take_bytes();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(answer, EndsWith(server_frame(
                          first_byte(Opcode::kClose),
                          websocket::close_payload(1013, "too many connections; come back later"))));
  EXPECT_TRUE(second.is_over());
  EXPECT_THAT(handler().welcomes, SizeIs(1));
  EXPECT_EQ(counters().refused.get(), 1U);
  EXPECT_EQ(server().connections, 1U) << "the place of the second one is free again";
  EXPECT_TRUE(first.is_open());
}

TEST_F(ConnectionTest, AServerThatIsLeavingRefusesAnUpgradeWith503) {
  server().is_draining = true;
  TestClient& client = connect();
  client.send(upgrade("/ws"));
  turn();
  EXPECT_THAT(client.take_bytes(), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After: 1\r\n"),
                                         HasSubstr(R"("code":"UNAVAILABLE")")));
  EXPECT_TRUE(client.is_over());
  EXPECT_THAT(handler().welcomes, IsEmpty());
}

TEST_F(ConnectionTest, AnEchoIsSentBackAndNoCommand) {
  set([](Settings& settings) { settings.echo = true; });
  TestClient& client = open("/echo");
  client.send_text("hello");
  client.send(client_frame(Opcode::kBinary, "bytes"));
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre("text:hello", "binary:bytes"));
  EXPECT_THAT(handler().welcomes, IsEmpty());
  EXPECT_THAT(handler().messages, IsEmpty());
}

// --- Messages ------------------------------------------------------------------

TEST_F(ConnectionTest, AMessageReachesTheHandlerWholeAlthoughItComesInPieces) {
  TestClient& client = open();
  const std::string frame = client_frame(Opcode::kText, R"({"action":"ping"})");
  for (const char byte : frame) {
    EXPECT_THAT(handler().messages, IsEmpty());
    client.send({&byte, 1});
    turn();
  }
  EXPECT_THAT(handler().messages, ElementsAre(R"({"action":"ping"})"));
}

TEST_F(ConnectionTest, AMessageInFragmentsIsOneWithAPingAnsweredBetweenThem) {
  TestClient& client = open();
  client.send(client_frame(first_byte(Opcode::kText, false), "one "));
  client.send_ping("between");
  turn();
  EXPECT_THAT(handler().messages, IsEmpty());
  EXPECT_THAT(client.take_frames(), ElementsAre("pong:between"));
  client.send(client_frame(first_byte(Opcode::kContinuation, false), "message") +
              client_frame(first_byte(Opcode::kContinuation), ""));
  turn();
  EXPECT_THAT(handler().messages, ElementsAre("one message"));
}

TEST_F(ConnectionTest, AFrameThatIsNotMaskedClosesWith1002BehindTheAnswerToWhatCameBefore) {
  answer_messages();
  TestClient& client = open();
  client.send(client_frame(Opcode::kText, "before") + server_frame(first_byte(Opcode::kText), "wrong") +
              client_frame(Opcode::kText, "after"));
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre("text:before", "close:1002:frame of a client is not masked"));
  EXPECT_TRUE(client.is_over());
  EXPECT_THAT(handler().messages, ElementsAre("before"));
  EXPECT_EQ(counters().closed_violation.get(), 1U);
  EXPECT_EQ(counters().connections.get(), 0U);
}

TEST_F(ConnectionTest, AMessageOverTheLimitClosesWith1009AsSoonAsItsLengthIsKnown) {
  set([](Settings& settings) { settings.message_limits.max_message_bytes = 1'000; });
  TestClient& client = open();
  const std::string longest(1'000, 'x');
  client.send_text(longest);
  turn();
  EXPECT_THAT(handler().messages, ElementsAre(longest));
  EXPECT_THAT(client.take_frames(), IsEmpty());
  client.send(client_header(first_byte(Opcode::kText), 1'001));
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre(StartsWith("close:1009:")));
  EXPECT_THAT(handler().messages, SizeIs(1));
  EXPECT_EQ(counters().too_large.get(), 1U);
  EXPECT_EQ(counters().closed_violation.get(), 1U);
}

TEST_F(ConnectionTest, AnOpenConnectionKeepsTheLimitThatItWasTold) {
  set([](Settings& settings) { settings.message_limits.max_message_bytes = 1'000; });
  TestClient& client = open();
  set([](Settings& settings) { settings.message_limits.max_message_bytes = 10; });
  TestClient& later = open();
  EXPECT_EQ(client.connection().max_message_bytes(), 1'000U);
  client.send_text(std::string(1'000, 'x'));
  later.send_text(std::string(11, 'x'));
  turn();
  EXPECT_THAT(handler().messages, SizeIs(1));
  EXPECT_TRUE(client.is_open());
  EXPECT_THAT(later.take_frames(), ElementsAre(StartsWith("close:1009:")));
}

TEST_F(ConnectionTest, ABinaryMessageClosesWith1003) {
  TestClient& client = open();
  client.send(client_frame(Opcode::kBinary, "{}"));
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre(StartsWith("close:1003:")));
  EXPECT_THAT(handler().messages, IsEmpty());
  EXPECT_EQ(counters().closed_violation.get(), 1U);
}

TEST_F(ConnectionTest, ATextThatIsNotUtf8ClosesWith1007) {
  TestClient& client = open();
  client.send_text("caf\xe9");
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre(StartsWith("close:1007:")));
  EXPECT_THAT(handler().messages, IsEmpty());
}

TEST_F(ConnectionTest, ACloseIsAnsweredWithItsCodeAndNothingBehindItIsCarriedOut) {
  answer_messages();
  TestClient& client = open();
  client.send_text("before");
  client.send_close(4321, "farewell");
  client.send_text("after");
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre("text:before", "close:4321:"));
  EXPECT_TRUE(client.is_over());
  EXPECT_THAT(handler().messages, ElementsAre("before"));
}

TEST_F(ConnectionTest, APingIsAnsweredInTheTurnWithItsPayloadAndAPongNeedsNoAnswer) {
  TestClient& client = open();
  const std::string longest(125, 'p');
  client.send_ping("");
  client.send_ping(longest);
  client.send(client_frame(Opcode::kPong, "nobody asked"));
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre("pong:", "pong:" + longest));
}

TEST_F(ConnectionTest, APongOvertakesWhatWaitsAndStandsForThePingsBeforeIt) {
  TestClient& client = open("/ws", kSmallBuffer);
  const std::size_t bytes = block(client);
  client.connection().deliver(event_frame("second"), 1);
  client.send_ping("still there?");
  client.send_ping("now?");
  turn();
  const auto frames = read_all_frames(client);
  ASSERT_THAT(frames, SizeIs(3));
  EXPECT_EQ(frames[0].size(), bytes + std::string_view("text:").size()) << "the event that had begun";
  EXPECT_EQ(frames[1], "pong:now?");
  EXPECT_EQ(frames[2], "text:second");
  EXPECT_EQ(counters().merged_pongs.get(), 1U);
}

TEST_F(ConnectionTest, WhatIsSentBehindACommandWaitsUntilItsAnswerHasCome) {
  handler().on_message = [](Connection& connection, std::string_view text) {
    if (text == "ask") return connection.suspend();
    connection.send_text(text);
  };
  TestClient& client = open();
  client.send_text("ask");
  client.send_text("behind");
  turn();
  client.send_text("later");
  turn();
  EXPECT_THAT(handler().messages, ElementsAre("ask"));
  EXPECT_THAT(client.take_frames(), IsEmpty());
  client.connection().resume([](Connection& connection) { connection.send_text("answer"); });
  turn();
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre("text:answer", "text:behind", "text:later"));
}

TEST_F(ConnectionTest, ACloseWaitsForTheAnswerToWhatCameBeforeIt) {
  handler().on_message = [](Connection& connection, std::string_view) { connection.suspend(); };
  TestClient& client = open();
  client.send_text("ask");
  client.send_close(1000);
  turn();
  EXPECT_THAT(client.take_frames(), IsEmpty());
  client.connection().resume([](Connection& connection) { connection.send_text("answer"); });
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre("text:answer", "close:1000:"));
}

TEST_F(ConnectionTest, APublisherThatIsHeldBackIsNotReadUntilItMayGoOn) {
  TestClient& client = open();
  client.connection().hold_back();
  client.connection().hold_back();
  client.send_text("first");
  turn();
  EXPECT_THAT(handler().messages, IsEmpty());
  EXPECT_EQ(asked(client, Due::kLetGoOn), 1U);
  EXPECT_EQ(counters().held_back.get(), 1U);
  client.connection().let_go_on();
  turn();
  EXPECT_THAT(handler().messages, ElementsAre("first"));
}

TEST_F(ConnectionTest, AQuietServerCarriesOutNoCommandAndStillAnswersRequests) {
  TestClient& client = open();
  TestClient& request = connect();
  host().quiet = true;
  client.send_text("late");
  request.send(get("/healthz") + "POST /publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1");
  turn();
  EXPECT_THAT(handler().messages, IsEmpty());
  EXPECT_THAT(request.take_bytes(), AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("HTTP/1.1 503 ")));
}

// --- Writing -------------------------------------------------------------------

TEST_F(ConnectionTest, WhatIsSentWaitsForTheFlushAndIsWrittenOnce) {
  TestClient& client = open();
  const std::size_t flushes = asked(client, Due::kFlush);
  client.connection().send_text("one");
  client.connection().send_text("two");
  EXPECT_THAT(client.take_frames(), IsEmpty());
  EXPECT_EQ(asked(client, Due::kFlush), flushes + 1);
  EXPECT_EQ(counters().queued_bytes.get(), 10U);
  flush();
  EXPECT_THAT(client.take_frames(), ElementsAre("text:one", "text:two"));
  EXPECT_EQ(counters().queued_bytes.get(), 0U);
  client.connection().flush();
  EXPECT_THAT(client.take_frames(), IsEmpty());
}

TEST_F(ConnectionTest, AnEventIsWrittenAtOnceUnlessSomethingWaitsBeforeIt) {
  TestClient& client = open();
  const std::size_t flushes = asked(client, Due::kFlush);
  client.connection().deliver(event_frame("first"), 1);
  EXPECT_THAT(client.take_frames(), ElementsAre("text:first"));
  EXPECT_EQ(asked(client, Due::kFlush), flushes);
  client.connection().send_text("a reply");
  client.connection().deliver(event_frame("second"), 1);
  flush();
  EXPECT_THAT(client.take_frames(), ElementsAre("text:a reply", "text:second"));
  EXPECT_EQ(counters().delivered.get(), 2U);
}

TEST_F(ConnectionTest, WhatIsPublishedReachesASubscriberInTheTurn) {
  TestClient& client = open();
  TestClient& other = open();
  subscribe(client, "market/AAPL");
  publish("market/AAPL", "1");
  publish("market/MSFT", "2");
  publish("market/AAPL", "3");
  turn();
  EXPECT_THAT(
      client.take_frames(),
      ElementsAre(AllOf(HasSubstr(R"("channel":"market/AAPL","offset":1,)"), EndsWith(R"("data":1})")),
                  AllOf(HasSubstr(R"("channel":"market/AAPL","offset":2,)"), EndsWith(R"("data":3})"))));
  EXPECT_THAT(other.take_frames(), IsEmpty());
  EXPECT_EQ(client.connection().counters().delivered, 2U);
}

TEST_F(ConnectionTest, APeerThatReadsNothingIsClosedWith4008WhenItsQueueIsFullAndItIsCounted) {
  constexpr std::size_t kLimit = 20'000;
  set([](Settings& settings) { settings.queue_limit_bytes = kLimit; });
  TestClient& client = open("/ws", kSmallBuffer);
  TestClient& other = open();
  const std::string event(1'000, 'e');
  std::uint64_t events = 0;
  while (client.is_open()) {
    ASSERT_LT(events, 1'000U);
    client.connection().deliver(event_frame(event), 1);
    ++events;
    EXPECT_LE(counters().queued_bytes.get(), kLimit + 200);
  }
  EXPECT_EQ(counters().closed_slow.get(), 1U);
  const auto told = client.connection().counters();
  EXPECT_EQ(told.delivered + told.dropped, events);
  EXPECT_GT(told.dropped, 15U) << "what waited is thrown away";
  EXPECT_EQ(counters().delivered.get(), told.delivered);
  EXPECT_EQ(counters().dropped.get(), told.dropped);

  const auto frames = read_all_frames(client);
  ASSERT_THAT(frames, SizeIs(told.delivered + 1)) << "what was begun comes whole";
  for (std::size_t i = 0; i < told.delivered; ++i) EXPECT_EQ(frames[i], "text:" + event);
  EXPECT_THAT(frames.back(), AllOf(StartsWith("close:4008:slow consumer: "),
                                   EndsWith(" bytes waited; come back with since and read faster")));
  EXPECT_TRUE(client.is_over());
  EXPECT_TRUE(other.is_open());
}

TEST_F(ConnectionTest, APeerWithAnEmptyQueueMayGetMoreAtOnceThanItsLimit) {
  set([](Settings& settings) { settings.queue_limit_bytes = 1'000; });
  TestClient& client = open("/ws", kSmallBuffer);
  const std::size_t bytes = block(client);
  EXPECT_TRUE(client.is_open());
  const auto frames = read_all_frames(client);
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(frames[0].size(), bytes + std::string_view("text:").size());
  EXPECT_EQ(counters().queued_bytes.get(), 0U);
}

TEST_F(ConnectionTest, APeerThatDoesNotTakeItsAnswersIsNotReadUntilItDoes) {
  set([](Settings& settings) { settings.queue_limit_bytes = 10'000; });
  handler().on_message = [](Connection& connection, std::string_view) {
    connection.send_text(std::string(1'000, 'a'));
  };
  TestClient& client = open("/ws", kSmallBuffer);
  std::size_t sent = 0;
  while (handler().messages.size() == sent) {
    ASSERT_LT(sent, 100U);
    client.send_text("ask");
    ++sent;
    turn();
  }
  client.send_text("ask");
  ++sent;
  turn();
  EXPECT_EQ(handler().messages.size(), sent - 2);
  EXPECT_LT(counters().queued_bytes.get(), 12'000U);
  EXPECT_THAT(read_all_frames(client), SizeIs(sent)) << "each one is answered in the end";
  EXPECT_TRUE(client.is_open());
}

TEST_F(ConnectionTest, APeerThatNeverTakesItsAnswersIsClosedWith4008AfterTwoHeartbeats) {
  set([](Settings& settings) { settings.queue_limit_bytes = 10'000; });
  handler().on_message = [](Connection& connection, std::string_view) {
    connection.send_text(std::string(1'000, 'a'));
  };
  TestClient& client = open("/ws", kSmallBuffer);
  for (int i = 0; i < 100; ++i) {
    client.send_text("ask");
    turn();
  }
  pass(31s);
  EXPECT_TRUE(client.is_open());
  pass(31s);
  EXPECT_FALSE(client.is_open());
  EXPECT_EQ(counters().closed_slow.get(), 1U);
  EXPECT_EQ(counters().closed_silent.get(), 0U);
  const std::string bytes = read_all_bytes(client);
  const auto frames = client.frames_of(bytes);
  ASSERT_THAT(frames, Not(IsEmpty()));
  EXPECT_THAT(frames.back(), StartsWith("close:4008:slow consumer: "));
  const std::string reason = frames.back().substr(std::string_view("close:4008:").size());
  EXPECT_THAT(bytes,
              EndsWith(server_frame(first_byte(Opcode::kClose), websocket::close_payload(4008, reason))))
      << "nothing follows a close";
}

}  // namespace
}  // namespace wskit::server
