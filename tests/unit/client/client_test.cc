#include "common/client/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/websocket/message_writer.h"
#include "fake_server.h"
#include "test_loop.h"

namespace wskit::client {
namespace {

using protocol::CloseCode;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using testing::FakePeer;
using testing::FakeServer;

constexpr std::string_view kConnected =
    R"({"type":"connected","timestamp":"2026-11-20T10:00:00.000000Z","data":{"connection":"c1","server":"fake",)"
    R"("heartbeat":30,"max_message_bytes":1048576,"channels":[]}})";

// Writes down what it is told, and lets the test do something on the way.
class Recorder : public ClientHandler {
 public:
  void on_open() override {
    log.push_back("open");
    opened();
  }
  void on_message(std::string_view text) override {
    log.emplace_back(text);
    message(std::string(text));
  }
  void on_batch_end() override { ++batches; }
  void on_writable() override { ++writable; }
  void on_disconnect(const Failure& why, std::chrono::nanoseconds retry_in, bool was_open) override {
    log.push_back(was_open ? "lost" : "failed");
    failures.push_back(why);
    waits.push_back(retry_in);
  }
  void on_end(const Failure& why) override {
    log.push_back("end");
    end = why;
    ended();
  }

  std::function<void()> opened = [] {};
  std::function<void(const std::string&)> message = [](const std::string&) {};
  std::function<void()> ended = [] {};
  std::vector<std::string> log;
  std::vector<Failure> failures;
  std::vector<std::chrono::nanoseconds> waits;
  int batches = 0;
  int writable = 0;
  std::optional<Failure> end;
};

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    options_.reconnect.backoff = {.first = milliseconds{1}, .cap = milliseconds{5}};
    options_.seed = 1;
  }

  void start() {
    if (options_.url.target.empty()) options_.url = server_.url();
    client_.emplace(io_, options_, recorder_);
    client_->start();
  }

  template <class Condition>
  void wait_for(Condition condition) {
    ASSERT_TRUE(testing::run_until(io_, condition)) << "log: " << ::testing::PrintToString(recorder_.log);
  }
  void wait_for_end() {
    wait_for([&] { return recorder_.end.has_value(); });
  }
  void wait_for_log(const std::string& entry, long times = 1) {
    wait_for([&] { return std::count(recorder_.log.begin(), recorder_.log.end(), entry) >= times; });
  }

  boost::asio::io_context io_;
  FakeServer server_{io_};
  ClientOptions options_;
  Recorder recorder_;
  std::optional<Client> client_;
};

// --- messages ----------------------------------------------------------------

TEST_F(ClientTest, HandsOverMessagesInOrderAndThenTheEndOfTheBatch) {
  server_.on_open = [](FakePeer& peer) {
    peer.send("a");
    peer.send("b");
  };
  start();
  wait_for_log("b");
  EXPECT_THAT(recorder_.log, ElementsAre("open", "a", "b"));
  EXPECT_GE(recorder_.batches, 1);
}

TEST_F(ClientTest, KnowsWhatTheServerSaidInItsGreeting) {
  server_.on_open = [](FakePeer& peer) { peer.send(kConnected); };
  std::string connection_at_message;
  recorder_.message = [&](const std::string&) { connection_at_message = client_->hello().connection; };
  start();
  wait_for_log(std::string(kConnected));
  EXPECT_EQ(connection_at_message, "c1");
  EXPECT_EQ(client_->hello().heartbeat, std::chrono::seconds{30});
  EXPECT_EQ(client_->hello().max_message_bytes, 1048576U);
}

TEST_F(ClientTest, AFirstMessageThatIsNoGreetingIsHandedOverAsItIs) {
  for (const std::string text :
       {R"({"type":1})", R"({"type":null,"data":{}})", "[]", "no JSON", R"({"type":"x"})"}) {
    server_.on_open = [&text](FakePeer& peer) { peer.send(text); };
    start();
    wait_for_log(text);
    EXPECT_EQ(client_->hello().connection, "") << text;
  }
}

TEST_F(ClientTest, SendsFirstWhatIsSentAtTheOpening) {
  recorder_.opened = [&] {
    client_->send("first");
    client_->send("second");
  };
  start();
  wait_for([&] { return !server_.peers().empty() && server_.last().received().size() == 2; });
  EXPECT_THAT(server_.last().received(), ElementsAre("first", "second"));
}

TEST_F(ClientTest, CarriesAMessageOfManyReadsBothWays) {
  const std::string large(3'000'000, 'x');
  server_.on_message = [](FakePeer& peer, const std::string& text) { peer.send(text); };
  recorder_.opened = [&] { client_->send(large); };
  start();
  wait_for([&] { return recorder_.log.size() == 2; });
  EXPECT_EQ(recorder_.log[1], large);
}

TEST_F(ClientTest, TellsWhenItsQueueHasDrained) {
  recorder_.opened = [&] {
    for (int i = 0; i < 100; ++i) client_->send(std::string(100'000, 'x'));
    EXPECT_GT(client_->pending_bytes(), options_.low_water_bytes);
  };
  start();
  wait_for([&] { return recorder_.writable > 0; });
  EXPECT_LE(client_->pending_bytes(), options_.low_water_bytes);
  wait_for([&] { return server_.last().received().size() == 100; });
  EXPECT_EQ(recorder_.writable, 1);
}

TEST_F(ClientTest, AnswersAPing) {
  server_.on_open = [](FakePeer& peer) {
    std::string ping;
    websocket::append_frame(ping, websocket::Opcode::kPing, "x", nullptr);
    peer.send("a");
    peer.send_frames(ping);
  };
  start();
  wait_for([&] { return !server_.peers().empty() && server_.last().pongs() == 1; });
}

TEST_F(ClientTest, CompressesWhereBothEndsAgreed) {
  options_.offer_deflate = true;
  server_.agree_to_deflate();
  const std::string text(10'000, 'z');
  server_.on_message = [](FakePeer& peer, const std::string& received) { peer.send(received); };
  recorder_.opened = [&] { client_->send(text); };
  start();
  wait_for_log(text);
  EXPECT_LT(client_->statistics().bytes_sent, 1000U);
}

TEST_F(ClientTest, TakesNothingWhilePaused) {
  server_.on_open = [](FakePeer& peer) { peer.send("a"); };
  recorder_.message = [&](const std::string& text) {
    if (text == "a") client_->pause_reading();
  };
  start();
  wait_for_log("a");
  const int batches = recorder_.batches;
  server_.last().send("b");
  boost::asio::steady_timer timer(io_, milliseconds{100});
  bool over = false;
  timer.async_wait([&](const boost::system::error_code&) { over = true; });
  wait_for([&] { return over; });
  EXPECT_EQ(recorder_.batches, batches);
  client_->resume_reading();
  wait_for_log("b");
}

TEST_F(ClientTest, WorksOverAUnixSocket) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("wskit-client-test-" + std::to_string(getpid()) + ".sock");
  FakeServer server(io_, path);
  server.on_open = [](FakePeer& peer) { peer.send("hello"); };
  options_.url = server.url();
  start();
  wait_for_log("hello");
  std::filesystem::remove(path);
}

// --- refusals ----------------------------------------------------------------

TEST_F(ClientTest, AnAddressWhereNobodyListensIsUnreachable) {
  options_.url = server_.url();
  server_.stop_listening();
  start();
  wait_for_end();
  EXPECT_EQ(recorder_.end->kind, FailureKind::kUnreachable);
  EXPECT_NE(recorder_.end->message.find("refused"), std::string::npos);
  EXPECT_THAT(recorder_.log, ElementsAre("end"));
}

TEST_F(ClientTest, ANameThatDoesNotExistIsUnreachable) {
  options_.url = *parse_url("ws://does-not-exist.invalid:9000");
  start();
  wait_for_end();
  EXPECT_EQ(recorder_.end->kind, FailureKind::kUnreachable);
  EXPECT_NE(recorder_.end->message.find("does-not-exist.invalid"), std::string::npos);
}

TEST_F(ClientTest, AServerThatNeverAnswersIsUnreachable) {
  server_.be_deaf();
  options_.connect_timeout = milliseconds{500};
  start();
  wait_for_end();
  EXPECT_EQ(recorder_.end->kind, FailureKind::kUnreachable);
  EXPECT_NE(recorder_.end->message.find("the upgrade took longer than 500 ms"), std::string::npos);
}

TEST_F(ClientTest, AnUpgradeThatIsRefusedIsNotTriedAgain) {
  options_.reconnect.initial = true;
  server_.answer_next_with("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
  start();
  wait_for_end();
  EXPECT_EQ(recorder_.end->kind, FailureKind::kRefused);
  EXPECT_EQ(recorder_.end->http_status, 401);
  EXPECT_EQ(server_.peers().size(), 1U);
}

TEST_F(ClientTest, AServerThatIsNotReadyIsTriedAgainWhenAsked) {
  options_.reconnect.initial = true;
  server_.answer_next_with("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
  start();
  wait_for_log("open");
  EXPECT_THAT(recorder_.log, ElementsAre("failed", "open"));
}

class ClosedWithTest : public ClientTest, public ::testing::WithParamInterface<CloseCode> {};

TEST_P(ClosedWithTest, IsARefusalThatIsNotTriedAgain) {
  server_.on_open = [](FakePeer& peer) {
    peer.send("a");
    peer.close(GetParam(), "because");
  };
  start();
  wait_for_end();
  EXPECT_EQ(recorder_.end->kind, FailureKind::kRefused);
  EXPECT_EQ(recorder_.end->close_code, GetParam());
  EXPECT_NE(recorder_.end->message.find("because"), std::string::npos);
  EXPECT_THAT(recorder_.log, ElementsAre("open", "a", "end"));
  wait_for([&] { return server_.last().close_code() == GetParam(); });
}

INSTANTIATE_TEST_SUITE_P(Codes, ClosedWithTest,
                         ::testing::Values(CloseCode::kUnauthorized, CloseCode::kForbidden,
                                           CloseCode::kTooBig, CloseCode::kProtocolError,
                                           CloseCode::kDisconnectedByAdministrator));

TEST_F(ClientTest, AServerThatBreaksTheProtocolIsToldAndLeft) {
  server_.on_open = [](FakePeer& peer) {
    peer.send("a");
    peer.send_frames(std::string("\x83\x00", 2));
  };
  start();
  wait_for_end();
  EXPECT_EQ(recorder_.end->kind, FailureKind::kRefused);
  EXPECT_THAT(recorder_.log, ElementsAre("open", "a", "end"));
  wait_for([&] { return server_.last().close_code() == CloseCode::kProtocolError; });
}

TEST_F(ClientTest, ABinaryMessageIsNotUnderstood) {
  server_.on_open = [](FakePeer& peer) {
    std::string frame;
    websocket::append_frame(frame, websocket::Opcode::kBinary, "x", nullptr);
    peer.send("a");
    peer.send_frames(frame);
  };
  start();
  wait_for_end();
  wait_for([&] { return server_.last().close_code() == CloseCode::kUnsupportedData; });
}

// --- reconnecting ------------------------------------------------------------

TEST_F(ClientTest, ComesBackAfterAConnectionThatWasCut) {
  recorder_.opened = [&] {
    if (server_.peers().size() < 3) server_.last().cut();
  };
  start();
  wait_for_log("open", 3);
  EXPECT_THAT(recorder_.log, ElementsAre("open", "lost", "open", "lost", "open"));
  EXPECT_EQ(recorder_.failures[0].kind, FailureKind::kLost);
  EXPECT_EQ(recorder_.failures[0].close_code, CloseCode::kAbnormal);
  EXPECT_EQ(client_->statistics().connections, 3U);
}

TEST_F(ClientTest, ComesBackAfterACloseThatAllowsIt) {
  server_.on_open = [&](FakePeer& peer) {
    if (server_.peers().size() == 1) peer.send_frames(std::string("\x88\x02\x0f\xa8", 4));  // 4008
  };
  start();
  wait_for_log("open", 2);
  EXPECT_EQ(recorder_.failures.at(0).close_code, CloseCode::kSlowConsumer);
}

// U22: "come back with since" was told to those who publish.
TEST_F(ClientTest, SaysNothingOfWhatThoseWouldHaveToDoWhoComeBackThemselves) {
  server_.on_open = [&](FakePeer& peer) {
    if (server_.peers().size() > 1) return;
    peer.close(CloseCode::kSlowConsumer,
               "slow consumer: 9 bytes waited; come back with since and read faster");
  };
  start();
  wait_for_log("open", 2);
  EXPECT_EQ(recorder_.failures.at(0).message,
            "the server closed the connection: 4008 slow consumer: 9 bytes waited");
}

// F17
TEST_F(ClientTest, ANormalCloseThatNobodyAskedForIsALoss) {
  server_.on_open = [&](FakePeer& peer) {
    if (server_.peers().size() == 1) peer.close(CloseCode::kNormal, "bye");
  };
  start();
  wait_for_log("open", 2);
  EXPECT_EQ(recorder_.failures.at(0).kind, FailureKind::kLost);
  EXPECT_EQ(recorder_.failures.at(0).close_code, CloseCode::kNormal);
}

// F21: a proxy says 404 while what is behind it is put up anew.
TEST_F(ClientTest, APathThatWasThereIsTriedAgain) {
  recorder_.opened = [&] {
    if (server_.peers().size() > 1) return;
    server_.answer_next_with("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    server_.answer_next_with("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    server_.last().cut();
  };
  start();
  wait_for_log("open", 2);
  EXPECT_THAT(recorder_.log, ElementsAre("open", "lost", "failed", "failed", "open"));
}

TEST_F(ClientTest, KeepsTryingWhileTheServerIsAway) {
  server_.on_open = [](FakePeer& peer) { peer.send(kConnected); };
  start();
  wait_for_log(std::string(kConnected));
  server_.stop_listening();
  server_.last().cut();
  wait_for_log("failed", 3);
  server_.listen_again();
  wait_for_log("open", 2);
}

TEST_F(ClientTest, WaitsAsLongAsTheServerThatLeavesAsks) {
  server_.on_open = [&](FakePeer& peer) {
    if (server_.peers().size() > 1) return;
    peer.send("a");
    peer.close(CloseCode::kGoingAway, "reconnect after 37 ms");
  };
  start();
  wait_for_log("open", 2);
  ASSERT_EQ(recorder_.waits.size(), 1U);
  EXPECT_EQ(recorder_.waits[0], milliseconds{37});
}

TEST_F(ClientTest, WaitsAFullyJitteredTimeOfItsSeed) {
  options_.reconnect.backoff = {.first = milliseconds{2}, .cap = milliseconds{8}};
  options_.reconnect.retries = 5;
  recorder_.opened = [&] {
    server_.stop_listening();
    server_.last().cut();
  };
  start();
  wait_for_end();
  Backoff expected(options_.reconnect.backoff, options_.seed);
  std::vector<std::chrono::nanoseconds> waits;
  for (int i = 0; i < 5; ++i) waits.push_back(expected.next());
  EXPECT_EQ(recorder_.waits, waits);
}

TEST_F(ClientTest, SaysThatTheConnectionIsLostWhenTheRetriesAreUsedUp) {
  options_.reconnect.retries = 2;
  recorder_.opened = [&] {
    server_.stop_listening();
    server_.last().cut();
  };
  start();
  wait_for_end();
  EXPECT_EQ(recorder_.end->kind, FailureKind::kLost);
  EXPECT_THAT(recorder_.log, ElementsAre("open", "lost", "failed", "end"));
}

TEST_F(ClientTest, StaysAwayWhereReconnectingIsOff) {
  options_.reconnect.enabled = false;
  recorder_.opened = [&] { server_.last().cut(); };
  start();
  wait_for_end();
  EXPECT_EQ(recorder_.end->kind, FailureKind::kLost);
}

TEST_F(ClientTest, SendsOnTheNewConnectionInTheOrderOfTheSends) {
  std::vector<std::string> unanswered{"1", "2", "3"};
  recorder_.opened = [&] {
    for (const std::string& text : unanswered) client_->send(text);
  };
  server_.on_message = [&](FakePeer& peer, const std::string& text) {
    // The first connection dies with nothing answered, the second half way.
    if (server_.peers().size() == 1 || (server_.peers().size() == 2 && text == "2")) return peer.cut();
    if (!peer.gone()) peer.send("ok " + text);
  };
  recorder_.message = [&](const std::string& text) {
    if (!unanswered.empty() && text == "ok " + unanswered.front()) unanswered.erase(unanswered.begin());
  };
  start();
  wait_for([&] { return unanswered.empty(); });
  EXPECT_EQ(server_.last().received().back(), "3");
}

TEST_F(ClientTest, SendsNothingWhileNoConnectionIsOpen) {
  start();
  client_->send("too early");
  EXPECT_EQ(client_->pending_bytes(), 0U);
  recorder_.opened = [&] { client_->send("in time"); };
  wait_for([&] { return !server_.peers().empty() && !server_.last().received().empty(); });
  EXPECT_THAT(server_.last().received(), ElementsAre("in time"));
}

TEST_F(ClientTest, GivesAConnectionUpWhenAsked) {
  int opened = 0;
  recorder_.opened = [&] {
    if (++opened == 1) client_->reconnect("it does not answer");
  };
  start();
  wait_for_log("open", 2);
  EXPECT_NE(recorder_.failures.at(0).message.find("it does not answer"), std::string::npos);
}

// --- silence -----------------------------------------------------------------

TEST_F(ClientTest, AServerSilentForTwoHeartbeatsIsPingedThenLeft) {
  options_.default_heartbeat = milliseconds{40};
  start();
  wait_for_log("open", 2);
  wait_for([&] { return server_.peers().front()->pings() >= 1; });
  EXPECT_NE(recorder_.failures.at(0).message.find("silent"), std::string::npos);
}

TEST_F(ClientTest, MeasuresSilenceByTheHeartbeatThatTheServerPromised) {
  server_.on_open = [](FakePeer& peer) {
    peer.send(R"({"type":"connected","timestamp":"","data":{"connection":"c","heartbeat":0.04}})");
  };
  start();
  wait_for_log("open", 2);
  wait_for([&] { return server_.peers().front()->pings() >= 1; });
}

TEST_F(ClientTest, AServerThatIsHeardIsNotLeft) {
  options_.default_heartbeat = milliseconds{1000};
  boost::asio::steady_timer timer(io_);
  int sent = 0;
  const std::function<void()> talk = [&] {
    timer.expires_after(milliseconds{125});
    timer.async_wait([&](const boost::system::error_code& error) {
      if (error) return;
      if (!server_.peers().empty()) server_.last().send("x");
      if (++sent < 20) talk();
    });
  };
  recorder_.opened = [&] {
    if (sent == 0) talk();
  };
  start();
  wait_for([&] { return sent == 20; });
  EXPECT_EQ(client_->statistics().connections, 1U);
}

// --- the end -----------------------------------------------------------------

TEST_F(ClientTest, ClosesInOrderAfterWhatWasSent) {
  recorder_.opened = [&] {
    client_->send("last words");
    client_->close();
    client_->close();
  };
  start();
  wait_for_end();
  EXPECT_EQ(recorder_.end->kind, FailureKind::kNone);
  EXPECT_THAT(server_.last().received(), ElementsAre("last words"));
  EXPECT_EQ(server_.last().close_code(), CloseCode::kNormal);
}

TEST_F(ClientTest, DoesNotWaitForeverForThePeersCloseFrame) {
  options_.close_timeout = milliseconds{30};
  server_.on_open = [](FakePeer& peer) { peer.stall(); };
  recorder_.opened = [&] { client_->close(); };
  start();
  wait_for_end();
  EXPECT_EQ(recorder_.end->kind, FailureKind::kNone);
}

TEST_F(ClientTest, CanBeClosedWhileItConnects) {
  server_.be_deaf();
  start();
  wait_for([&] { return !server_.peers().empty(); });
  client_->close();
  EXPECT_FALSE(recorder_.end) << "on_end must not come from within close()";
  wait_for_end();
  EXPECT_EQ(recorder_.end->kind, FailureKind::kNone);
}

TEST_F(ClientTest, CanBeClosedWhileItWaits) {
  options_.reconnect.backoff = {.first = std::chrono::hours{1}, .cap = std::chrono::hours{1}};
  recorder_.opened = [&] { server_.last().cut(); };
  start();
  wait_for_log("lost");
  client_->close();
  wait_for_end();
  EXPECT_EQ(recorder_.end->kind, FailureKind::kNone);
}

TEST_F(ClientTest, CanBeDestroyedFromItsEnd) {
  recorder_.opened = [&] { client_->close(); };
  recorder_.ended = [&] { client_.reset(); };
  start();
  wait_for_end();
  EXPECT_FALSE(client_);
}

TEST_F(ClientTest, SaysNothingOnceDestroyed) {
  start();
  wait_for_log("open");
  client_.reset();
  wait_for([&] { return server_.last().gone(); });
  EXPECT_THAT(recorder_.log, ElementsAre("open"));
}

}  // namespace
}  // namespace wskit::client
