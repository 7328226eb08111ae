#include "wsserve/cluster/local_bus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <utility>

#include "wsserve/frame/event_frame.h"

namespace wskit::server::cluster {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A shard that notes what it is told, and does nothing before run().
class RecordingMember final : public Member {
 public:
  bool is_full = false;  // post() throws
  bool fails = false;    // answer() has none
  Answer answers;
  std::vector<Question> asked;
  std::vector<std::string> told;
  ChunkPtr frame;

  void run() {
    for (const auto& task : std::exchange(tasks_, {})) task();
  }

  void post(std::function<void()> task) override {
    if (is_full) throw std::bad_alloc();
    tasks_.push_back(std::move(task));
  }
  void announce_to_all(const std::string& channel, const ChunkPtr& announced) override {
    told.push_back("all: " + channel);
    frame = announced;
  }
  void announce_to(std::uint64_t connection, const std::string& channel, const ChunkPtr& announced) override {
    told.push_back(std::to_string(connection) + ": " + channel);
    frame = announced;
  }
  void reload_presence(const ReloadPresence& order) override {
    for (const std::string& channel : order.channels) told.push_back("reload " + channel);
  }
  std::optional<Answer> answer(const Question& question) noexcept override {
    asked.push_back(question);
    if (fails) return std::nullopt;
    return answers;
  }

 private:
  std::vector<std::function<void()>> tasks_;
};

class LocalBusTest : public testing::Test {
 protected:
  void survey(const Question& question) {
    bus_.survey(question, [this](Answers answers) { ended_.push_back(std::move(answers)); });
  }

  RecordingMember first_;
  RecordingMember second_;
  LocalBus bus_{{&first_, &second_}};
  std::vector<Answers> ended_;
};

Announce announcement() {
  return {.to = {},
          .channel = "@all",
          .type = "notice",
          .offset = 7,
          .timestamp = "2024-01-01T00:00:00.000000Z",
          .key = {},
          .data = "{\"a\":1}"};
}

TEST_F(LocalBusTest, AnAnnouncementToAllReachesEveryMemberAsOneFrame) {
  bus_.tell(announcement());
  EXPECT_THAT(first_.told, IsEmpty()) << "told before its turn";
  first_.run();
  second_.run();
  EXPECT_THAT(first_.told, ElementsAre("all: @all"));
  EXPECT_THAT(second_.told, ElementsAre("all: @all"));
  ASSERT_NE(first_.frame, nullptr);
  EXPECT_EQ(first_.frame, second_.frame);
  const protocol::EventView event = view_event_frame(*first_.frame, "@all");
  EXPECT_EQ(event.type, "notice");
  EXPECT_EQ(event.offset, 7U);
  EXPECT_EQ(event.timestamp, "2024-01-01T00:00:00.000000Z");
  EXPECT_EQ(event.data, "{\"a\":1}");
}

TEST_F(LocalBusTest, AnAnnouncementToAConnectionReachesItsMemberAlone) {
  Announce order = announcement();
  order.to = Place{.shard = 1, .number = 23};
  order.channel = "@connection/n-1-23";
  bus_.tell(order);
  first_.run();
  second_.run();
  EXPECT_THAT(first_.told, IsEmpty());
  EXPECT_THAT(second_.told, ElementsAre("23: @connection/n-1-23"));
}

TEST_F(LocalBusTest, PresenceIsReloadedByEveryMember) {
  bus_.tell(ReloadPresence{{"a", "b/*"}});
  first_.run();
  second_.run();
  EXPECT_THAT(first_.told, ElementsAre("reload a", "reload b/*"));
  EXPECT_THAT(second_.told, ElementsAre("reload a", "reload b/*"));
}

TEST_F(LocalBusTest, ASurveyEndsOnceWithTheLastAnswerInTheOrderOfTheMembers) {
  first_.answers = {.entries = {"1"}, .count = 1};
  second_.answers = {.entries = {"2"}, .count = 2};
  const ListPresent question{.channel = "a", .limit = 10};
  survey(question);
  second_.run();
  EXPECT_THAT(ended_, IsEmpty());
  first_.run();
  EXPECT_THAT(ended_, ElementsAre(Answers{.by_member = {first_.answers, second_.answers}, .failed = 0}));
  EXPECT_THAT(first_.asked, ElementsAre(Question(question)));
  EXPECT_THAT(second_.asked, ElementsAre(Question(question)));
}

TEST_F(LocalBusTest, ASurveyWaitsForAMemberThatIsSilent) {
  survey(CountSubscriptions{{"a"}});
  first_.run();
  first_.run();
  EXPECT_THAT(ended_, IsEmpty());
}

TEST_F(LocalBusTest, AMemberThatFailsIsCounted) {
  first_.fails = true;
  second_.answers = {.entries = {}, .count = 2};
  survey(Disconnect{{.connection = "n-0-1", .user = {}, .channel = {}}});
  first_.run();
  second_.run();
  EXPECT_THAT(ended_, ElementsAre(Answers{.by_member = {Answer{}, second_.answers}, .failed = 1}));
}

TEST_F(LocalBusTest, ASurveyThatCannotBePostedThrowsAndNeverEnds) {
  second_.is_full = true;
  EXPECT_THROW(survey(ListConnections{}), std::bad_alloc);
  first_.run();
  EXPECT_THAT(ended_, IsEmpty());
}

TEST_F(LocalBusTest, SurveysThatOverlapKeepTheirAnswersApart) {
  first_.answers = {.entries = {"1"}, .count = 1};
  survey(ListPresent{.channel = "a", .limit = 1});
  first_.run();
  first_.answers = {.entries = {}, .count = 9};
  survey(Disconnect{});
  first_.run();
  second_.run();
  ASSERT_EQ(ended_.size(), 2U);
  EXPECT_EQ(ended_[0].by_member[0].count, 1U);
  EXPECT_EQ(ended_[1].by_member[0].count, 9U);
}

}  // namespace
}  // namespace wskit::server::cluster
