// A server whose broker tells offsets late, refuses events and loses them: what its clients
// are told.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "support/scratch_folder.h"
#include "unit/wsserve/broker/late_broker.h"
#include "unit/wsserve/model/wire_client.h"
#include "wsserve/server/server.h"

namespace wskit::server {
namespace {

using broker::LateBroker;
using model::WireClient;
using nlohmann::json;

constexpr std::chrono::seconds kPatience{30};

class LateServerTest : public testing::Test {
 protected:
  explicit LateServerTest(const LateBroker::Temper& temper = {}, const Settings& settings = {})
      : socket_path_(scratch_.path() / "s") {
    auto late = std::make_unique<LateBroker>(std::make_shared<broker::FarEnd>(), temper);
    late_ = late.get();
    std::vector<std::unique_ptr<Listener>> listeners;
    listeners.push_back(
        std::make_unique<Listener>(ListenAddress{.host = {}, .port = {}, .unix_path = socket_path_}));
    server_ = std::make_unique<Server>(settings, 2, std::move(listeners), std::move(late));
    server_->start();
    publisher_ = connect("/ws");
  }

  [[nodiscard]] std::unique_ptr<WireClient> connect(const std::string& target) const {
    return std::make_unique<WireClient>(socket_path_, target, false);
  }

  // The next message that is none of those that come by themselves.
  static json hear(WireClient& client) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline && !client.ended()) {
      client.pump();
      while (!client.heard().empty()) {
        const json message = json::parse(client.heard().front());
        client.heard().pop_front();
        if (message["type"] != "connected" && message["type"] != "heartbeat") return message;
      }
      pollfd ready{.fd = client.fd(), .events = POLLIN, .revents = 0};
      if (client.wants_to_write()) ready.events |= POLLOUT;
      ::poll(&ready, 1, 100);
    }
    ADD_FAILURE() << "nothing is heard";
    return {};
  }
  static json ask(WireClient& client, std::string_view command) {
    client.send_text(command);
    return hear(client);
  }
  json publish(std::string_view channel, std::string_view more = {}, std::string_view type = "t") {
    return ask(*publisher_,
               fmt::format(R"({{"action":"publish","id":"p","channel":"{}","type":"{}","data":1{}}})",
                           channel, type, more));
  }
  [[nodiscard]] json stats() const { return json::parse(server_->stats(auth::Identity{})); }

  const test::ScratchFolder scratch_;
  const std::string socket_path_;
  LateBroker* late_ = nullptr;
  std::unique_ptr<Server> server_;
  std::unique_ptr<WireClient> publisher_;
};

TEST_F(LateServerTest, AReplyHasTheOffsetsThatTheBrokerTellsLater) {
  EXPECT_EQ(publish("a")["data"]["offset"], 1);
  const json second = publish("a");
  EXPECT_EQ(second["type"], "published");
  EXPECT_EQ(second["data"]["offset"], 2);
  EXPECT_EQ(second["data"]["channel"], "a");
  EXPECT_FALSE(second["data"].contains("duplicate"));
  const json batch = ask(*publisher_, R"({"action":"publish","id":"b","events":[)"
                                      R"({"channel":"a","type":"t","data":1},)"
                                      R"({"channel":"@server/news","type":"t","data":1},)"
                                      R"({"channel":"b","type":"t","data":1}]})");
  // Nobody but an administrator may publish to the server's own channels.
  EXPECT_EQ(batch["type"], "error");
  const json both = ask(*publisher_, R"({"action":"publish","id":"b","events":[)"
                                     R"({"channel":"a","type":"t","data":1},)"
                                     R"({"channel":"b","type":"t","data":1}]})");
  ASSERT_EQ(both["data"].size(), 2U);
  EXPECT_EQ(both["data"][0]["offset"], 3);
  EXPECT_EQ(both["data"][1]["channel"], "b");
  EXPECT_EQ(both["data"][1]["offset"], 1);
  EXPECT_EQ(both["data"][0]["epoch"], second["data"]["epoch"]);
  EXPECT_EQ(stats()["published"], 4);
}

TEST_F(LateServerTest, ADuplicateThatTheBrokerFindsIsToldAndCountedAsOne) {
  EXPECT_EQ(publish("a", R"(,"dedup":"x")")["data"]["offset"], 1);
  const json again = publish("a", R"(,"dedup":"x")");
  EXPECT_EQ(again["data"]["offset"], 1);
  EXPECT_EQ(again["data"]["duplicate"], true);
  EXPECT_EQ(stats()["published"], 1);
  EXPECT_EQ(stats()["duplicates"], 1);
}

TEST_F(LateServerTest, EventsAreRefusedWhileTheBrokerIsAway) {
  (void)publish("a");
  late_->cut(LateBroker::Waiting::kIsLost);
  const json refused = publish("a");
  EXPECT_EQ(refused["data"]["code"], "UNAVAILABLE");
  late_->connect();
  EXPECT_EQ(publish("a")["data"]["offset"], 2);
}

TEST_F(LateServerTest, AReaderIsToldOfAGapBetweenTheEventsBeforeAndAfter) {
  const auto reader = connect("/ws");
  const json joined = ask(*reader, R"({"action":"subscribe","channels":["a"],"id":"s"})");
  const auto by_pattern = connect("/ws");
  (void)ask(*by_pattern, R"({"action":"subscribe","channels":["*"],"events":["seen"],"id":"s"})");
  const auto conflated = connect("/ws");
  (void)ask(*conflated, R"({"action":"subscribe","channels":["a"],"conflate":true,"id":"s"})");
  (void)publish("a");
  late_->lose_events();
  const json after = publish("a", {}, "seen");
  const int offset = after["data"]["offset"];
  EXPECT_GT(offset, 2);
  EXPECT_NE(after["data"]["epoch"], joined["data"]["channels"][0]["epoch"]);

  EXPECT_EQ(hear(*reader)["offset"], 1);
  EXPECT_EQ(hear(*conflated)["offset"], 1);
  for (WireClient* each : {reader.get(), by_pattern.get(), conflated.get()}) {
    const json gap = hear(*each);
    EXPECT_EQ(gap["type"], "gap");
    EXPECT_EQ(gap["data"]["channel"], "a");
    EXPECT_EQ(gap["data"]["epoch"], after["data"]["epoch"]);
    EXPECT_EQ(gap["data"]["offset"], offset - 1);
    EXPECT_EQ(gap["data"]["oldest"], offset);
    EXPECT_EQ(hear(*each)["offset"], offset);
  }
}

// --- Routes --------------------------------------------------------------------

Settings with_route() {
  auto route = std::make_shared<routing::Route>();
  route->from.push_back(*protocol::Pattern::parse("a"));
  route->to.push_back(*routing::Target::parse("copies"));
  Settings settings;
  settings.channels.routes.push_back(std::move(route));
  return settings;
}

class RoutedLateServerTest : public LateServerTest, public testing::WithParamInterface<bool> {
 protected:
  RoutedLateServerTest() : LateServerTest({.together = GetParam()}, with_route()) {}
};

TEST_P(RoutedLateServerTest, AnEventIsKeptWithItsCopiesOrAloneWhereLogsCannotBeWrittenTogether) {
  EXPECT_EQ(publish("a")["data"]["offset"], 1);
  EXPECT_EQ(stats()["routed"], GetParam() ? 1 : 0);
  EXPECT_EQ(stats()["route_failures_not_stored"], GetParam() ? 0 : 1);
  const json copies = ask(*publisher_, R"({"action":"history","id":"h","channel":"copies"})");
  EXPECT_EQ(copies["data"]["events"].size(), GetParam() ? 1U : 0U) << copies.dump();
}

INSTANTIATE_TEST_SUITE_P(Together, RoutedLateServerTest, testing::Bool());

// --- Coming back -----------------------------------------------------------------

TEST_F(LateServerTest, WhoComesBackIntoAnotherEpochHasMissedEvents) {
  const json before = publish("a");
  late_->lose_events();
  const std::string epoch = before["data"]["epoch"];
  const auto reader = connect("/ws");
  const json joined = ask(
      *reader,
      fmt::format(R"({{"action":"subscribe","channels":["a"],"since":{{"offset":1,"epoch":"{}"}},"id":"s"}})",
                  epoch));
  EXPECT_EQ(joined["data"]["channels"][0]["recovered"], false) << joined.dump();
  EXPECT_NE(joined["data"]["channels"][0]["epoch"], epoch);
}

}  // namespace
}  // namespace wskit::server
