#include "wsserve/loop/inbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <memory>
#include <string>
#include <vector>

#include "wsserve/broker/memory_broker.h"
#include "wsserve/channel/channel.h"

namespace wskit::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class InboxTest : public testing::Test {
 protected:
  InboxTest() { inboxes_.push_back(std::make_unique<Inbox>()); }

  Inbox& inbox() { return *inboxes_.front(); }
  void push(const std::string& bytes) { inbox().push(channel_, Chunk::copy_of(bytes)); }

  // Takes what there is: the number of the first delivery, then their bytes; and
  // carries out the tasks.
  std::vector<std::string> take() {
    std::vector<Delivery> deliveries;
    std::vector<Inbox::Task> tasks;
    std::vector<std::string> taken{std::to_string(inbox().take(deliveries, tasks))};
    for (const Delivery& delivery : deliveries) {
      EXPECT_EQ(delivery.channel, &channel_);
      taken.emplace_back(delivery.frame->bytes());
    }
    for (const Inbox::Task& task : tasks) task();
    return taken;
  }

  bool wakes() {
    pollfd descriptor{.fd = inbox().wake_fd(), .events = POLLIN, .revents = 0};
    return ::poll(&descriptor, 1, 0) == 1;
  }

  std::vector<std::unique_ptr<Inbox>> inboxes_;
  MemoryBudget budget_{0};
  Producers producers_;
  AgeClock ages_;
  broker::Shared shared_{budget_, producers_, ages_};
  broker::MemoryBroker broker_;
  Channel channel_{"news", "epoch", ChannelOptions{}, {inboxes_, budget_, shared_, broker_}, 0};
};

TEST_F(InboxTest, HandsOutInOrderWhatWasPushedAndNumbersIt) {
  push("a");
  push("b");
  EXPECT_EQ(inbox().pushed(), 2U);
  EXPECT_THAT(take(), ElementsAre("1", "a", "b"));
  EXPECT_THAT(take(), ElementsAre("3"));
  push("c");
  EXPECT_THAT(take(), ElementsAre("3", "c"));
  EXPECT_EQ(inbox().pushed(), 3U);
}

TEST_F(InboxTest, HandsOutTasksInOrderAndCountsThemNot) {
  std::string done;
  inbox().post([&] { done += "a"; });
  push("x");
  inbox().post([&] { done += "b"; });
  EXPECT_THAT(take(), ElementsAre("1", "x"));
  EXPECT_EQ(done, "ab");
  EXPECT_EQ(inbox().pushed(), 1U);
}

TEST_F(InboxTest, KnowsWhetherThereIsAnythingToTake) {
  EXPECT_FALSE(inbox().has_work());
  push("a");
  EXPECT_TRUE(inbox().has_work());
  take();
  EXPECT_FALSE(inbox().has_work());
  inbox().post([] {});
  EXPECT_TRUE(inbox().has_work());
}

TEST_F(InboxTest, WakesOnceUntilItIsEmptied) {
  EXPECT_FALSE(wakes());
  push("a");
  EXPECT_TRUE(wakes());
  inbox().on_ready(0);
  EXPECT_FALSE(wakes());
  push("b");
  EXPECT_FALSE(wakes());
  take();
  inbox().post([] {});
  EXPECT_TRUE(wakes());
}

// The shard may clear the descriptor in the middle of a turn and take later: it
// must ask has_work() before it sleeps.
TEST_F(InboxTest, HasWorkEvenWhereTheWakeUpWasReadTooEarly) {
  push("a");
  inbox().on_ready(0);
  push("b");
  EXPECT_FALSE(wakes());
  EXPECT_TRUE(inbox().has_work());
  EXPECT_THAT(take(), ElementsAre("1", "a", "b"));
}

TEST_F(InboxTest, MayBeClearedWithoutAWakeUp) {
  inbox().on_ready(0);
  push("a");
  EXPECT_TRUE(wakes());
}

}  // namespace
}  // namespace wskit::server
