#include "wstap/history_player.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "test_loop.h"

namespace wskit::tap {
namespace {

using protocol::Position;
using protocol::SystemMicros;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr double kNoPauses = std::numeric_limits<double>::infinity();

struct Stored {
  std::uint64_t offset;
  int second;
};

// A server's histories, which answers in the next turn of the loop as much as is
// asked for; and what the player makes of them, as "channel:offset".
class HistoryPlayerTest : public ::testing::Test, private PlayerListener {
 protected:
  void play(double speed, const protocol::Since& since = protocol::FromStart{}) {
    player_.emplace(io_, Pace{.speed = speed, .max_gap = max_gap_}, static_cast<PlayerListener&>(*this));
    for (const auto& [channel, events] : histories_) player_->add(channel, since);
    player_->begin();
  }
  // Until there is nothing left to play.
  [[nodiscard]] bool finish() {
    return testing::run_until(io_, [this] { return present_; });
  }
  [[nodiscard]] bool run_until_played(std::size_t count) {
    return testing::run_until(io_, [&] { return played_.size() >= count; });
  }

  void ask_page(std::string_view channel, const protocol::Since& since, std::size_t limit) override {
    questions_.push_back(std::string(channel) + " " + protocol::to_json(since));
    EXPECT_GT(limit, 0U);
    boost::asio::post(io_, [this, name = std::string(channel), since, limit] { answer(name, since, limit); });
  }

  void answer(const std::string& channel, const protocol::Since& since, std::size_t limit) {
    if (!answering_) return;
    const std::vector<Stored>& events = histories_.at(channel);
    const auto* position = std::get_if<Position>(&since);
    const std::uint64_t wanted = position == nullptr ? 0 : position->offset;
    std::vector<std::string> texts;
    std::uint64_t left = 0;
    for (const Stored& event : events) {
      if (event.offset <= wanted) continue;
      if (texts.size() < std::min(limit, page_limit_)) {
        texts.push_back(text_of(channel, event));
      } else {
        ++left;
      }
    }
    HistoryPage page;
    page.id = "4";
    page.timestamp = now_;
    for (const std::string& text : texts) page.events.push_back(text);
    page.offset = events.empty() ? 0 : events.back().offset;
    page.epoch = "e";
    page.oldest = events.empty() ? 1 : events.front().offset;
    page.recovered = events.empty() || events.front().offset <= wanted + 1;
    page.complete = left == 0;
    player_->on_page(page);
  }

  static std::string text_of(const std::string& channel, const Stored& event) {
    const SystemMicros time{std::chrono::seconds{1577872800 + event.second}};
    return R"({"type":"t","channel":")" + channel + R"(","offset":)" + std::to_string(event.offset) +
           R"(,"timestamp":")" + std::string(protocol::Timestamp(time).text()) + R"(","data":null})";
  }

  void on_played_from(const SubscribedEntry& entry) override {
    begins_.push_back(entry);
    EXPECT_TRUE(begins_.size() > histories_.size() || played_.empty()) << "places are told before events";
  }
  void on_played(const protocol::EventView& event, std::string_view text) override {
    played_.push_back(std::string(event.channel) + ":" + std::to_string(event.offset));
    EXPECT_FALSE(text.empty());
    on_played_();
  }
  void on_play_pause() override {}
  void on_present() override {
    EXPECT_FALSE(present_) << "it is the last call";
    present_ = true;
  }

  boost::asio::io_context io_;
  std::map<std::string, std::vector<Stored>> histories_;
  std::optional<std::chrono::nanoseconds> max_gap_;
  std::size_t page_limit_ = 1000;
  std::string now_ = "2026-11-20T10:00:00.000000Z";
  bool answering_ = true;
  std::optional<HistoryPlayer> player_;
  std::vector<std::string> questions_;
  std::vector<SubscribedEntry> begins_;
  std::vector<std::string> played_;
  std::function<void()> on_played_ = [] {};
  bool present_ = false;
};

TEST_F(HistoryPlayerTest, MergesChannelsByTheirTimes) {
  histories_ = {{"a", {{1, 0}, {2, 4}, {3, 5}}}, {"b", {{1, 1}, {2, 3}}}, {"c", {{7, 2}}}};
  play(kNoPauses);
  ASSERT_TRUE(finish());
  EXPECT_THAT(played_, ElementsAre("a:1", "b:1", "c:7", "b:2", "a:2", "a:3"));
}

TEST_F(HistoryPlayerTest, TakesPagesAsSmallAsTheServerGivesThem) {
  page_limit_ = 2;
  for (std::uint64_t offset = 1; offset <= 9; ++offset) {
    histories_["a"].push_back({offset, static_cast<int>(offset) * 2});
    histories_["b"].push_back({offset, static_cast<int>(offset) * 2 + 1});
  }
  play(kNoPauses);
  ASSERT_TRUE(finish());
  ASSERT_THAT(played_, SizeIs(18));
  for (std::size_t i = 0; i < 18; ++i) {
    EXPECT_EQ(played_[i], (i % 2 == 0 ? "a:" : "b:") + std::to_string(i / 2 + 1));
  }
}

TEST_F(HistoryPlayerTest, ATimeThatGoesBackDoesNotChangeTheOrderOfAChannel) {
  histories_ = {{"a", {{1, 5}, {2, 1}, {3, 6}}}, {"b", {{1, 2}}}};
  play(kNoPauses);
  ASSERT_TRUE(finish());
  EXPECT_THAT(played_, ElementsAre("b:1", "a:1", "a:2", "a:3"));
}

TEST_F(HistoryPlayerTest, NothingToPlayIsThePresent) {
  histories_ = {{"a", {}}, {"b", {}}};
  play(1);
  ASSERT_TRUE(finish());
  EXPECT_THAT(played_, IsEmpty());
  EXPECT_THAT(begins_, SizeIs(2));
}

TEST_F(HistoryPlayerTest, AnUnknownChannelIsNoObstacle) {
  answering_ = false;
  histories_ = {{"a", {}}};
  play(1);
  player_->on_nothing();
  EXPECT_TRUE(present_);
}

TEST_F(HistoryPlayerTest, OneQuestionIsOnItsWayWhateverAServerAnswersToOneThatItPutOff) {
  answering_ = false;
  histories_ = {{"a", {{1, 0}}}, {"b", {{1, 1}}}};
  play(kNoPauses);
  io_.poll();
  HistoryPage page;
  page.timestamp = now_;
  page.epoch = "e";
  page.recovered = page.complete = true;
  player_->on_not_now();
  player_->on_page(page);
  player_->on_nothing();
  player_->on_not_now();
  EXPECT_THAT(questions_, SizeIs(1));
  answering_ = true;
  ASSERT_TRUE(finish());
  EXPECT_THAT(questions_, ElementsAre(R"(a "start")", R"(a "start")", R"(b "start")"));
  EXPECT_THAT(played_, ElementsAre("a:1", "b:1"));
}

TEST_F(HistoryPlayerTest, PausesAsLongAsTheEventsAreApart) {
  histories_ = {{"a", {{1, 0}, {2, 60}}}};
  play(60 * 20.0);  // a minute in 50 ms
  const auto began = HistoryPlayer::Clock::now();
  ASSERT_TRUE(finish());
  EXPECT_GE(HistoryPlayer::Clock::now() - began, std::chrono::milliseconds{45});
}

TEST_F(HistoryPlayerTest, NoPauseIsLongerThanAskedFor) {
  max_gap_ = std::chrono::milliseconds{1};
  histories_ = {{"a", {{1, 0}, {2, 86400}, {3, 2 * 86400}}}};
  play(1);
  EXPECT_TRUE(finish());
}

TEST_F(HistoryPlayerTest, StandsStillWhileTheOutputIsFull) {
  histories_ = {{"a", {{1, 0}, {2, 0}, {3, 0}}}};
  on_played_ = [this] {
    if (played_.size() == 2) player_->pause();
  };
  play(kNoPauses);
  ASSERT_TRUE(run_until_played(2));
  io_.poll();
  EXPECT_THAT(played_, SizeIs(2));
  EXPECT_FALSE(present_);
  player_->resume();
  EXPECT_TRUE(finish());
  EXPECT_THAT(played_, SizeIs(3));
}

TEST_F(HistoryPlayerTest, NothingFollowsAStop) {
  histories_ = {{"a", {{1, 0}, {2, 0}}}};
  on_played_ = [this] { player_->stop(); };
  play(kNoPauses);
  ASSERT_TRUE(run_until_played(1));
  io_.poll();
  EXPECT_THAT(played_, ElementsAre("a:1"));
  EXPECT_FALSE(present_);
}

TEST_F(HistoryPlayerTest, WhatWasAskedOnALostConnectionIsAskedAgain) {
  page_limit_ = 1;
  histories_ = {{"a", {{1, 0}, {2, 1}, {3, 2}}}};
  on_played_ = [this] {
    if (played_.size() != 1) return;
    answering_ = false;
    player_->lose_connection();
  };
  play(kNoPauses);
  ASSERT_TRUE(run_until_played(1));
  io_.poll();
  answering_ = true;
  player_->begin();
  ASSERT_TRUE(finish());
  EXPECT_THAT(played_, ElementsAre("a:1", "a:2", "a:3"));
}

TEST_F(HistoryPlayerTest, SaysWhereEachChannelBegins) {
  histories_ = {{"a", {{4, 0}, {5, 1}}}, {"b", {{1, 9}}}};
  play(kNoPauses);
  ASSERT_TRUE(finish());
  ASSERT_THAT(begins_, SizeIs(2));
  EXPECT_EQ(begins_[0].channel, "a");
  EXPECT_FALSE(begins_[0].recovered);
  EXPECT_EQ(begins_[0].oldest, 4U);
  EXPECT_EQ(begins_[0].offset, 5U);
  EXPECT_EQ(begins_[1].channel, "b");
  EXPECT_TRUE(begins_[1].recovered);
  EXPECT_EQ(begins_[1].replayed, 1U);
}

TEST_F(HistoryPlayerTest, WhatIsForgottenWhileItPlaysIsToldInItsPlace) {
  page_limit_ = 1;
  histories_ = {{"a", {{1, 0}, {2, 1}, {3, 2}}}};
  on_played_ = [this] {
    if (played_.size() == 1) histories_["a"] = {{7, 9}};
  };
  play(kNoPauses);
  ASSERT_TRUE(finish());
  EXPECT_EQ(played_.back(), "a:7");
  ASSERT_THAT(begins_, SizeIs(2));
  EXPECT_EQ(begins_[1].oldest, 7U);
  EXPECT_FALSE(begins_[1].recovered);
}

TEST_F(HistoryPlayerTest, AChannelThatWasCompleteIsAskedAgainBeforeWhatIsNewer) {
  // By the server's clock nothing is known of `b` after this moment.
  now_ = "2020-01-01T10:00:05.000000Z";
  histories_ = {{"a", {{1, 0}, {2, 10}}}, {"b", {{1, 1}}}};
  on_played_ = [this] {
    if (played_.back() == "b:1") histories_["b"].push_back({2, 7});
  };
  play(kNoPauses);
  ASSERT_TRUE(finish());
  EXPECT_THAT(played_, ElementsAre("a:1", "b:1", "b:2", "a:2"));
}

}  // namespace
}  // namespace wskit::tap
