#include "wsserve/connection/stream_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "connection_fixture.h"

namespace wskit::server {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class StreamServiceTest : public ConnectionFixture {};

TEST_F(StreamServiceTest, AStreamBeginsWithWhenToComeBackAndItsEndIsAnEvent) {
  handler().on_stream = [](Peer& peer) { peer.send_text(R"({"type":"subscribed","data":{}})"); };
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

TEST_F(StreamServiceTest, AStreamOfAFullServerEndsAtOnceWithALongTimeToComeBack) {
  server().max_connections = 0;
  TestClient& client = connect();
  client.send(get("/events/a"));
  turn();
  EXPECT_THAT(client.take_bytes(), AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("retry: 10000\n"),
                                         HasSubstr(R"("data":{"code":1013,)")));
  EXPECT_TRUE(client.is_over());
}

TEST_F(StreamServiceTest, AQuietStreamGetsACommentEachHeartbeat) {
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
