// What a WebSocket or an event stream has subscribed, recovers and is delivered.
#include "wsserve/connection/peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "connection_fixture.h"
#include "wsserve/frame/event_frame.h"

namespace wskit::server {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class PeerTest : public ConnectionFixture {
 protected:
  // An event with a key, as a channel hands it over.
  static ChunkPtr keyed(std::uint64_t offset, std::string_view data) {
    protocol::EventView view;
    view.type = "quote";
    view.channel = "a";
    view.offset = offset;
    view.timestamp = "2024-01-01T00:00:00.000000Z";
    view.key = R"("k")";
    view.data = data;
    return build_event_frame(view);
  }
  Channel& channel() { return *hub().find_or_create("a"); }
  // Begins to recover the channel from its start, as the command does.
  void recover_all(TestClient& client) {
    subscribe(client, "a");
    std::vector<ChunkPtr> first;
    const ReplayStart start =
        channel().begin_replay(protocol::FromStart{}, client.peer().head_start_bytes(), 0, first);
    client.peer().begin_recovery(channel(), start.after, std::move(first));
  }
};

TEST_F(PeerTest, ASubscriberRecoversTheHistoryBeforeItGetsLiveEvents) {
  for (const std::string_view data : {"1", "2", "3"}) publish("a", data);
  turn();
  TestClient& client = open();
  recover_all(client);
  EXPECT_TRUE(client.peer().is_recovering(channel()));
  EXPECT_TRUE(client.peer().still_brings(channel(), 0));
  publish("a", "4");
  turn();
  EXPECT_THAT(client.take_frames(), IsEmpty()) << "what is live waits behind the history";
  EXPECT_FALSE(client.peer().recover()) << "that was all of it";
  EXPECT_FALSE(client.peer().is_recovering(channel()));
  publish("a", "5");
  turn();
  const auto frames = client.take_frames();
  ASSERT_THAT(frames, SizeIs(5));
  for (std::size_t i = 0; i < frames.size(); ++i) {
    EXPECT_THAT(frames[i], HasSubstr("\"offset\":" + std::to_string(i + 1) + ","));
  }
  EXPECT_EQ(client.peer().counters().delivered, 5U);
  EXPECT_EQ(counters().replay_bytes.get(), 0U);
}

TEST_F(PeerTest, ARecoveryEndsWithTheSubscriptionThatWantsIt) {
  publish("a", "1");
  turn();
  TestClient& client = open();
  recover_all(client);
  Subscription& only = client.peer().subscriptions().back();
  client.peer().forget_subscription(only);
  host().fanout.unsubscribe(client.peer().subscriptions().take(only));
  counters().subscriptions.subtract();
  client.peer().subscriptions_left();
  EXPECT_FALSE(client.peer().recover());
  turn();
  EXPECT_THAT(client.take_frames(), IsEmpty());
  EXPECT_EQ(counters().replay_bytes.get(), 0U);
}

TEST_F(PeerTest, WhileTheSocketIsFullOnlyTheNewestEventOfAKeyWaits) {
  TestClient& client = open("/ws", kSmallBuffer);
  client.peer().deliver_latest(channel(), keyed(1, "1"), {});
  EXPECT_THAT(client.take_frames(), ElementsAre(HasSubstr(R"("data":1)"))) << "nothing is in its way";
  block(client);
  for (std::uint64_t offset = 2; offset < 5; ++offset) {
    client.peer().deliver_latest(channel(), keyed(offset, std::to_string(offset)), {});
  }
  EXPECT_EQ(client.peer().counters().merged, 2U);
  EXPECT_EQ(counters().merged.get(), 2U);
  const auto frames = read_all_frames(client);
  ASSERT_THAT(frames, SizeIs(2));
  EXPECT_THAT(frames[1], AllOf(HasSubstr(R"("offset":4,)"), HasSubstr(R"("from":2,"merged":2)")));
  EXPECT_EQ(counters().queued_bytes.get(), 0U);
}

TEST_F(PeerTest, WhatWaitsToBeTheNewestIsWrittenBeforeAClose) {
  TestClient& client = open("/ws", kSmallBuffer);
  using namespace std::chrono_literals;
  client.peer().deliver_latest(channel(), keyed(1, "1"), 1h);
  client.peer().deliver_latest(channel(), keyed(2, "2"), 1h);
  EXPECT_THAT(client.take_frames(), SizeIs(1)) << "the second one waits for its time";
  client.peer().close(protocol::CloseCode::kGoingAway, {});
  turn();
  EXPECT_THAT(client.take_frames(), ElementsAre(HasSubstr(R"("data":2)"), "close:1001:"));
}

TEST_F(PeerTest, AnAnnouncementReachesOnceWhoeverSubscribedItOrNot) {
  set([](Settings& settings) { settings.echo = true; });
  TestClient& client = open();
  TestClient& subscribed = open();
  TestClient& echo = open("/echo");
  subscribe(subscribed, "@all");
  for (TestClient* each : {&client, &subscribed, &echo}) {
    each->peer().announce("@all", event_frame("for all"));
  }
  EXPECT_THAT(client.take_frames(), ElementsAre("text:for all"));
  EXPECT_THAT(subscribed.take_frames(), IsEmpty()) << "the channel brings it";
  EXPECT_THAT(echo.take_frames(), IsEmpty());
}

TEST_F(PeerTest, TheAddressSaysWhatSubscriptionsHaveThatSayNothingElse) {
  TestClient& plain = open();
  EXPECT_EQ(plain.peer().default_filter(), nullptr);
  EXPECT_FALSE(plain.peer().default_pace().asked_for());
  TestClient& spared = open("/ws?conflate=true");
  EXPECT_EQ(spared.peer().default_filter(), nullptr);
  EXPECT_TRUE(spared.peer().default_pace().conflate);
}

TEST_F(PeerTest, AnAdministratorIsToldOfItsTrafficAndItsSubscriptions) {
  answer_messages();
  TestClient& client = open();
  subscribe(client, "a");
  client.send_text("question");
  turn();
  client.peer().deliver(event_frame("event"), 1);
  EXPECT_THAT(client.peer().describe(), AllOf(HasSubstr(R"("node-0-1")"), HasSubstr(R"("websocket")"),
                                              HasSubstr(R"(["a"])"), HasSubstr(R"("delivered":1)")));
}

TEST_F(PeerTest, SubscriptionsAreFoundAndTheirPatternsCountedHoweverManyThereAre) {
  TestClient& client = open();
  Subscriptions& subscriptions = client.peer().subscriptions();
  std::size_t patterns = 0;
  for (int i = 0; i < 20; ++i) {
    subscribe(client, "channel/" + std::to_string(i));
    if (i % 3 == 0) {
      const std::string text = "pattern/" + std::to_string(i) + "/*";
      subscriptions.add(host().fanout.subscribe(client.peer(), *protocol::Pattern::parse(text), nullptr));
      counters().subscriptions.add();
      ++patterns;
    }
    EXPECT_EQ(subscriptions.patterns(), patterns);
  }
  while (Subscription* each = subscriptions.find("pattern/" + std::to_string(3 * --patterns) + "/*")) {
    host().fanout.unsubscribe(subscriptions.take(*each));
    counters().subscriptions.subtract();
    EXPECT_EQ(subscriptions.patterns(), patterns);
    if (patterns == 0) break;
  }
  EXPECT_EQ(subscriptions.size(), 20U);
  EXPECT_TRUE(client.peer().hears("channel/19"));
  EXPECT_FALSE(client.peer().hears("pattern/0/x"));
}

}  // namespace
}  // namespace wskit::server
