// How long one WebSocket lives, and how it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "connection_fixture.h"
#include "wsserve/auth/public_key.h"
#include "wsserve/connection/sign_in.h"

namespace wskit::server {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;
using testing::UnorderedElementsAre;
using websocket::client_frame;
using websocket::Opcode;

class ConnectionEndTest : public ConnectionFixture {};

// --- Time ----------------------------------------------------------------------

TEST_F(ConnectionEndTest, EachHeartbeatBringsTheCountersAndAPing) {
  TestClient& client = open("/ws?heartbeat=10");
  client.connection().deliver(event_frame("event"), 1);
  client.connection().count_filtered(2);
  EXPECT_THAT(client.take_frames(), ElementsAre("text:event"));
  for (int beat = 0; beat < 3; ++beat) {
    pass(11s);
    const auto frames = client.take_frames();
    ASSERT_THAT(frames, SizeIs(2));
    EXPECT_THAT(
        frames[0],
        AllOf(StartsWith(R"(text:{"type":"heartbeat","timestamp":)"),
              EndsWith(R"("data":{"delivered":1,"merged":0,"filtered":2,"dropped":0,"queued_bytes":0}})")));
    EXPECT_EQ(frames[1], "ping:");
    client.send(client_frame(Opcode::kPong, ""));
    turn();
  }
}

TEST_F(ConnectionEndTest, AClientThatWantsNoHeartbeatsIsPingedAllTheSame) {
  TestClient& client = open("/ws?heartbeat=0");
  pass(31s);
  EXPECT_THAT(client.take_frames(), ElementsAre("ping:"));
}

TEST_F(ConnectionEndTest, APeerThatIsSilentForTwoHeartbeatsIsClosedWith4009AndThenEnded) {
  TestClient& client = open();
  pass(31s);
  EXPECT_THAT(client.take_frames(), ElementsAre(HasSubstr("heartbeat"), "ping:"));
  pass(29s);
  EXPECT_TRUE(client.is_open());
  pass(2s);
  EXPECT_THAT(client.take_frames(),
              ElementsAre(StartsWith("close:4009:nothing was heard for two heartbeats; ")));
  EXPECT_EQ(counters().closed_silent.get(), 1U);
  EXPECT_FALSE(client.is_gone()) << "it has time to answer";
  pass(4s);
  EXPECT_FALSE(client.is_gone());
  pass(2s);
  EXPECT_TRUE(client.is_gone());
}

TEST_F(ConnectionEndTest, APeerThatSaysAnythingAtAllIsNotSilent) {
  TestClient& client = open();
  for (int i = 0; i < 20; ++i) {
    // Not even a whole frame.
    client.send(client_frame(Opcode::kPong, "").substr(i % 2 == 0 ? 0 : 3, 3));
    pass(25s);
    EXPECT_TRUE(client.is_open());
  }
  EXPECT_EQ(counters().closed_silent.get(), 0U);
}

TEST_F(ConnectionEndTest, AServerThatStoodStillAsksBeforeItCallsAPeerSilent) {
  TestClient& client = open();
  pass(1h);
  EXPECT_THAT(client.take_frames(), ElementsAre(HasSubstr("heartbeat"), "ping:"));
  pass(29s);
  EXPECT_TRUE(client.is_open());
  pass(2s);
  EXPECT_THAT(client.take_frames(), ElementsAre(StartsWith("close:4009:")));
}

TEST_F(ConnectionEndTest, APeerHasOneHeartbeatToAnswerFromWhenItsPingIsWritten) {
  TestClient& client = open();
  host().now += 31s;
  host().wheel.advance(host().now);
  host().now += 20s;  // the rest of the turn
  flush();
  pass(11s);
  EXPECT_TRUE(client.is_open()) << "heard two heartbeats ago, asked less than one ago";
  pass(20s);
  EXPECT_FALSE(client.is_open());
  EXPECT_EQ(counters().closed_silent.get(), 1U);
}

TEST_F(ConnectionEndTest, APeerWhoseAnswerIsNotReadYetIsNotSilent) {
  TestClient& client = open();
  pass(31s);
  client.send(client_frame(Opcode::kPong, ""));
  host().now += 1h;
  host().wheel.advance(host().now);
  EXPECT_TRUE(client.is_open());
  EXPECT_EQ(counters().closed_silent.get(), 0U);
}

// --- Tokens --------------------------------------------------------------------

class TokenConnectionTest : public ConnectionEndTest {
 protected:
  TokenConnectionTest() {
    auth::Policy policy;
    policy.tokens.keys = {auth::to_key(std::string(48, 's'), "").value()};
    policy.serves_anonymous = false;
    set([&](Settings& settings) { settings.gate = std::make_shared<const auth::Gate>(policy); });
  }
};

TEST_F(TokenConnectionTest, ARequestWithoutATokenIsAnsweredWith401) {
  TestClient& client = connect();
  client.send(get("/ws/stats") + get("/healthz"));
  turn();
  EXPECT_THAT(client.take_bytes(),
              AllOf(StartsWith("HTTP/1.1 401 "), HasSubstr("WWW-Authenticate: Bearer\r\n"),
                    HasSubstr("HTTP/1.1 200 OK\r\n")));
  EXPECT_EQ(counters().unauthorized.get(), 1U);
}

TEST_F(TokenConnectionTest, AWebSocketThatBringsNoTokenInTimeIsClosedWith4001) {
  TestClient& client = open();
  EXPECT_TRUE(client.connection().client().identity().awaits_token);
  pass(9s);
  EXPECT_TRUE(client.is_open());
  pass(2s);
  EXPECT_THAT(client.take_frames(), ElementsAre(StartsWith("close:4001:no token came in time; ")));
  EXPECT_EQ(counters().closed_unauthorized.get(), 1U);
}

TEST_F(TokenConnectionTest, AWebSocketThatBringsItsTokenInTimeStaysAndGetsWhatItsAddressAskedFor) {
  std::optional<FirstSubscriptions> first;
  handler().on_message = [&](Connection& connection, std::string_view) {
    auto ann = std::make_shared<auth::Identity>();
    ann->user = "ann";
    EXPECT_TRUE(connection.take_identity(std::move(ann), first));
  };
  TestClient& client = open("/ws/market/*");
  client.send_text("a token");
  turn();
  ASSERT_TRUE(first.has_value());
  EXPECT_THAT(first->channels, ElementsAre("market/*"));
  EXPECT_EQ(client.connection().client().user(), "ann");
  EXPECT_EQ(server().people().connections_of("ann"), 1U);
  pass(20s);
  EXPECT_TRUE(client.is_open());
  client.connection().abort();
  EXPECT_EQ(server().people().connections_of("ann"), 0U);
}

TEST_F(TokenConnectionTest, TheFifthTokenThatIsNotRightClosesWith4001) {
  handler().on_message = [](Connection& connection, std::string_view) { connection.count_refused_token(); };
  TestClient& client = open();
  for (int i = 0; i < 4; ++i) client.send_text("wrong");
  turn();
  EXPECT_THAT(client.take_frames(), IsEmpty());
  client.send_text("wrong");
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre("close:4001:too many tokens that are not right"));
}

// --- Failures ------------------------------------------------------------------

TEST_F(ConnectionEndTest, AnExceptionOfTheHandlerEndsThisConnectionAloneWith1011AndIsCounted) {
  handler().on_message = [](Connection& connection, std::string_view text) {
    connection.send_text(text);
    if (text == "wrong") throw std::runtime_error("thrown by a test");
  };
  TestClient& client = open();
  TestClient& other = open();
  client.send_text("right");
  client.send_text("wrong");
  client.send_text("never");
  other.send_text("other");
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre("text:right", "text:wrong", StartsWith("close:1011:")));
  EXPECT_TRUE(client.is_over());
  EXPECT_THAT(other.take_frames(), ElementsAre("text:other"));
  EXPECT_THAT(handler().messages, Not(Contains("never")));
  EXPECT_EQ(server().incidents().total(), 1U);
  EXPECT_EQ(counters().connections.get(), 1U);
}

TEST_F(ConnectionEndTest, AnExceptionOfTheWelcomeClosesWith1011BehindTheUpgrade) {
  handler().on_welcome = [](Connection&) { throw std::runtime_error("thrown by a test"); };
  TestClient& client = connect();
  client.send(upgrade("/ws"));
  turn();
  EXPECT_THAT(client.take_bytes(), AllOf(StartsWith("HTTP/1.1 101 "), HasSubstr("the server failed")));
  EXPECT_TRUE(client.is_over());
  EXPECT_EQ(counters().connections.get(), 0U);
  EXPECT_EQ(server().connections, 0U);
}

TEST_F(ConnectionEndTest, AFailedDeliveryClosesWith1011SoThatNoEventIsMissedUnawares) {
  TestClient& client = open();
  subscribe(client, "a");
  publish("a", "1");
  turn();
  EXPECT_THAT(client.take_frames(), SizeIs(1));
  try {
    throw std::bad_alloc();
  } catch (const std::bad_alloc&) {
    client.connection().delivery_failed();
  }
  publish("a", "2");
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre(StartsWith("close:1011:")));
}

// --- Ends ----------------------------------------------------------------------

TEST_F(ConnectionEndTest, AWebSocketThatEndsWithoutACloseIsAnsweredAndEnded) {
  answer_messages();
  TestClient& client = open();
  client.send_text("last");
  client.end();
  turn();
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre("text:last"));
  EXPECT_TRUE(client.is_gone());
  EXPECT_EQ(counters().connections.get(), 0U);
}

TEST_F(ConnectionEndTest, AClosedConnectionEndsWhenItsPeerHasAnswered) {
  TestClient& client = open();
  client.connection().close(protocol::CloseCode::kGoingAway, "a reason");
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre("close:1001:a reason"));
  client.send_text("thrown away");
  client.send_close(1001);
  turn();
  EXPECT_FALSE(client.is_gone());
  client.end();
  turn();
  EXPECT_TRUE(client.is_gone());
  EXPECT_THAT(handler().messages, IsEmpty());
}

TEST_F(ConnectionEndTest, AnotherReasonToCloseIsNotTold) {
  TestClient& client = open();
  client.connection().close(protocol::CloseCode::kGoingAway, "first");
  client.connection().close(protocol::CloseCode::kSlowConsumer, "second");
  client.connection().send_text("too late");
  client.connection().deliver(event_frame("too late"), 1);
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre("close:1001:first"));
}

TEST_F(ConnectionEndTest, DestructionIsAskedForExactlyOnce) {
  TestClient& client = open();
  Connection& connection = client.connection();
  connection.close(protocol::CloseCode::kGoingAway, {});
  EXPECT_EQ(asked(client, Due::kDestroy), 0U);
  connection.abort();
  connection.abort("again");
  connection.close(protocol::CloseCode::kGoingAway, {});
  connection.send_text("nobody");
  connection.flush();
  client.end();
  read();
  host().now += 1h;
  host().wheel.advance(host().now);
  try {
    throw std::runtime_error("thrown by a test");
  } catch (const std::runtime_error&) {
    connection.fail();
  }
  EXPECT_TRUE(connection.is_dead());
  EXPECT_EQ(asked(client, Due::kDestroy), 1U);
  EXPECT_EQ(asked(client, Due::kDropSubscriptions), 1U);
  EXPECT_EQ(counters().connections.get(), 0U);
  EXPECT_EQ(counters().queued_bytes.get(), 0U);
  end_turn();
  EXPECT_TRUE(client.is_gone());
}

TEST_F(ConnectionEndTest, SubscriptionsAreTakenBackBetweenTurnsAndBringNothingBefore) {
  TestClient& client = open();
  subscribe(client, "a");
  subscribe(client, "b");
  client.connection().close(protocol::CloseCode::kGoingAway, {});
  EXPECT_TRUE(client.connection().has_left());
  EXPECT_THAT(handler().left, IsEmpty());
  publish("a", "1");
  turn();
  EXPECT_FALSE(client.connection().has_left());
  EXPECT_THAT(handler().left, UnorderedElementsAre("a", "b"));
  EXPECT_EQ(counters().subscriptions.get(), 0U);
  EXPECT_THAT(client.take_frames(), ElementsAre("close:1001:"));
}

TEST_F(ConnectionEndTest, ADrainTellsAWebSocketWhenToComeBackAndLetsGoOfAnIdleConnection) {
  TestClient& client = open();
  TestClient& idle = connect();
  TestClient& asking = connect();
  asking.send("GET /healthz HTTP/1.1\r\n");
  turn();
  host().draining = true;
  for (TestClient* each : {&client, &idle, &asking}) each->connection().drain(1500ms);
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre("close:1001:reconnect after 1500 ms"));
  EXPECT_TRUE(idle.is_gone());
  asking.send("Host: localhost\r\n\r\n");
  turn();
  EXPECT_THAT(asking.take_bytes(), AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Connection: close\r\n")));
  EXPECT_TRUE(asking.is_over());
}

}  // namespace
}  // namespace wskit::server
