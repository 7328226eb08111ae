#include "wsserve/loop/timing_wheel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace wskit::server {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto kTick = TimingWheel::kTick;
// Longer than the ring is.
constexpr auto kLong = kTick * 5000;

// An alarm that notes when it went off, and then does `then`.
class Alarm final : public TimingWheel::Entry {
 public:
  explicit Alarm(const Clock::time_point& now) : now_(now) {}

  std::function<void()> then;
  [[nodiscard]] const std::vector<Clock::time_point>& times() const { return times_; }

 private:
  void on_deadline() override {
    times_.push_back(now_);
    if (then) then();
  }

  const Clock::time_point& now_;
  std::vector<Clock::time_point> times_;
};

class TimingWheelTest : public testing::Test {
 protected:
  void advance(Clock::duration by) {
    now_ += by;
    wheel_.advance(now_);
  }

  // Advances in steps until the alarm has gone off `times` times, or `limit` has passed.
  void advance_until(const Alarm& alarm, std::size_t times, Clock::duration step, Clock::duration limit) {
    const auto end = now_ + limit;
    while (alarm.times().size() < times && now_ < end) advance(step);
  }

  Clock::time_point now_ = Clock::time_point() + hours(1);
  TimingWheel wheel_{now_};
};

TEST_F(TimingWheelTest, FiresNeverEarlyAndAtMostOneTickLate) {
  for (const auto delay : {milliseconds(0), milliseconds(1), milliseconds(19), milliseconds(20),
                           milliseconds(21), milliseconds(1000), milliseconds(30'000)}) {
    for (const auto phase : {milliseconds(0), milliseconds(1), milliseconds(19)}) {
      advance(phase);
      Alarm alarm(now_);
      const auto deadline = now_ + delay;
      wheel_.schedule(alarm, deadline);
      advance_until(alarm, 1, milliseconds(1), hours(1));
      ASSERT_EQ(alarm.times().size(), 1U);
      EXPECT_GE(alarm.times().front(), deadline);
      EXPECT_LE(alarm.times().front(), deadline + kTick) << delay.count();
    }
  }
}

TEST_F(TimingWheelTest, FiresOnce) {
  Alarm alarm(now_);
  wheel_.schedule(alarm, now_ + milliseconds(100));
  for (int i = 0; i < 10'000; ++i) advance(kTick);
  EXPECT_EQ(alarm.times().size(), 1U);
}

TEST_F(TimingWheelTest, FiresADeadlineThatIsPastOnTheNextTick) {
  Alarm alarm(now_);
  advance(hours(1));
  wheel_.schedule(alarm, now_ - milliseconds(500));
  EXPECT_THAT(alarm.times(), IsEmpty());
  advance(kTick);
  EXPECT_EQ(alarm.times().size(), 1U);
}

TEST_F(TimingWheelTest, KeepsADeadlineFurtherAwayThanTheRingIsLong) {
  Alarm alarm(now_);
  const auto deadline = now_ + 3 * kLong + milliseconds(7);
  wheel_.schedule(alarm, deadline);
  advance_until(alarm, 1, kTick / 2, 4 * kLong);
  ASSERT_EQ(alarm.times().size(), 1U);
  EXPECT_GE(alarm.times().front(), deadline);
  EXPECT_LE(alarm.times().front(), deadline + kTick);
}

TEST_F(TimingWheelTest, FiresEverythingThatIsDueAfterALongPause) {
  std::vector<std::unique_ptr<Alarm>> due;
  std::vector<std::unique_ptr<Alarm>> not_due;
  for (int i = 0; i < 300; ++i) {
    due.push_back(std::make_unique<Alarm>(now_));
    wheel_.schedule(*due.back(), now_ + i * milliseconds(1001));
    not_due.push_back(std::make_unique<Alarm>(now_));
    wheel_.schedule(*not_due.back(), now_ + hours(1) + i * milliseconds(997));
  }
  advance(hours(1));
  for (const auto& alarm : due) EXPECT_EQ(alarm->times().size(), 1U);
  for (const auto& alarm : not_due) EXPECT_THAT(alarm->times(), IsEmpty());
  advance(hours(1));
  for (const auto& alarm : not_due) EXPECT_EQ(alarm->times().size(), 1U);
}

TEST_F(TimingWheelTest, FiresNothingThatWasCancelledOrIsGone) {
  Alarm cancelled(now_);
  wheel_.schedule(cancelled, now_ + milliseconds(50));
  wheel_.cancel(cancelled);
  wheel_.cancel(cancelled);
  {
    Alarm gone(now_);
    wheel_.schedule(gone, now_ + milliseconds(50));
  }
  advance(hours(1));
  EXPECT_THAT(cancelled.times(), IsEmpty());
}

TEST_F(TimingWheelTest, MovesADeadlineInBothDirections) {
  Alarm sooner(now_);
  Alarm later(now_);
  wheel_.schedule(sooner, now_ + hours(1));
  wheel_.schedule(sooner, now_ + milliseconds(100));
  wheel_.schedule(later, now_ + milliseconds(100));
  wheel_.schedule(later, now_ + milliseconds(500));
  advance(milliseconds(120));
  EXPECT_EQ(sooner.times().size(), 1U);
  EXPECT_THAT(later.times(), IsEmpty());
  advance(milliseconds(400));
  EXPECT_EQ(later.times().size(), 1U);
  advance(2 * hours(1));
  EXPECT_EQ(sooner.times().size(), 1U);
  EXPECT_EQ(later.times().size(), 1U);
}

TEST_F(TimingWheelTest, LetsAnAlarmScheduleItselfAgain) {
  Alarm alarm(now_);
  alarm.then = [&] { wheel_.schedule(alarm, now_ + milliseconds(100)); };
  wheel_.schedule(alarm, now_ + milliseconds(100));
  advance_until(alarm, 5, milliseconds(10), hours(1));
  ASSERT_EQ(alarm.times().size(), 5U);
  for (std::size_t i = 1; i < 5; ++i) {
    EXPECT_GE(alarm.times()[i] - alarm.times()[i - 1], milliseconds(100));
    EXPECT_LE(alarm.times()[i] - alarm.times()[i - 1], milliseconds(130));
  }
}

TEST_F(TimingWheelTest, FiresAnAlarmOnceAfterAPauseHoweverOftenItWouldHave) {
  Alarm alarm(now_);
  alarm.then = [&] { wheel_.schedule(alarm, now_ + milliseconds(100)); };
  wheel_.schedule(alarm, now_ + milliseconds(100));
  advance(hours(1));
  EXPECT_EQ(alarm.times().size(), 1U);
}

// All in one slot, so that the first one meets the others in the list being fired.
TEST_F(TimingWheelTest, LetsAnAlarmCancelMoveAndDestroyItsNeighbours) {
  Alarm first(now_);
  Alarm cancelled(now_);
  Alarm moved(now_);
  auto destroyed = std::make_unique<Alarm>(now_);
  auto itself = std::make_unique<Alarm>(now_);
  Alarm last(now_);
  first.then = [&] {
    wheel_.cancel(cancelled);
    wheel_.schedule(moved, now_ + milliseconds(500));
    destroyed.reset();
  };
  itself->then = [&] { itself.reset(); };
  const auto deadline = now_ + milliseconds(100);
  for (Alarm* alarm : {&first, &cancelled, &moved, destroyed.get(), itself.get(), &last}) {
    wheel_.schedule(*alarm, deadline);
  }
  advance(milliseconds(200));
  EXPECT_EQ(first.times().size(), 1U);
  EXPECT_THAT(cancelled.times(), IsEmpty());
  EXPECT_THAT(moved.times(), IsEmpty());
  EXPECT_EQ(itself, nullptr);
  EXPECT_EQ(last.times().size(), 1U);
  advance(milliseconds(520));
  EXPECT_EQ(moved.times().size(), 1U);
}

TEST_F(TimingWheelTest, LetsAnAlarmScheduleAnotherInTheSlotBeingFired) {
  Alarm first(now_);
  Alarm second(now_);
  first.then = [&] { wheel_.schedule(second, now_); };
  wheel_.schedule(first, now_ + milliseconds(100));
  advance(milliseconds(200));
  advance(kTick);
  EXPECT_EQ(second.times().size(), 1U);
}

TEST_F(TimingWheelTest, WaitsForEverWhenNothingIsScheduled) {
  EXPECT_EQ(wheel_.wait_ms(now_), -1);
  Alarm alarm(now_);
  wheel_.schedule(alarm, now_ + milliseconds(100));
  EXPECT_GE(wheel_.wait_ms(now_), 0);
  wheel_.cancel(alarm);
  EXPECT_EQ(wheel_.wait_ms(now_), -1);
  wheel_.schedule(alarm, now_ + milliseconds(100));
  advance(milliseconds(200));
  EXPECT_EQ(wheel_.wait_ms(now_), -1);
}

TEST_F(TimingWheelTest, DoesNotWaitWhenSomethingIsOverdue) {
  Alarm alarm(now_);
  wheel_.schedule(alarm, now_ + milliseconds(100));
  now_ += hours(1);
  EXPECT_EQ(wheel_.wait_ms(now_), 0);
}

TEST_F(TimingWheelTest, WaitsNoLongerThanTheNextAlarmAllows) {
  for (const auto delay : {milliseconds(1), milliseconds(20), milliseconds(333), milliseconds(40'000),
                           milliseconds(41'000), milliseconds(100'000)}) {
    Alarm alarm(now_);
    const auto deadline = now_ + delay;
    wheel_.schedule(alarm, deadline);
    int turns = 0;
    while (alarm.times().empty() && turns < 10) {
      advance(milliseconds(wheel_.wait_ms(now_)));
      ++turns;
    }
    ASSERT_EQ(alarm.times().size(), 1U) << delay.count();
    EXPECT_GE(alarm.times().front(), deadline);
    EXPECT_LE(alarm.times().front(), deadline + kTick + milliseconds(1));
  }
}

// --- against a naive model -----------------------------------------------

// Many alarms led along random steps; the model is one deadline each.
class AlarmsAndDeadlines {
 public:
  explicit AlarmsAndDeadlines(std::uint32_t seed) : random_(seed) {
    for (int i = 0; i < 40; ++i) {
      alarms_.push_back(std::make_unique<Alarm>(now_));
      deadlines_.emplace_back();
    }
  }

  void step() {
    for (int i = 0; i < 5; ++i) change_one();
    const auto pause = milliseconds(below(20) == 0 ? below(200'000) : below(100));
    now_ += pause;
    wheel_.advance(now_);
    for (std::size_t i = 0; i < alarms_.size(); ++i) check(i);
  }

 private:
  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }

  void change_one() {
    const std::size_t i = below(alarms_.size());
    if (below(5) == 0) {
      wheel_.cancel(*alarms_[i]);
      deadlines_[i].reset();
      return;
    }
    deadlines_[i] = now_ + milliseconds(below(3) == 0 ? below(150'000) : below(300));
    wheel_.schedule(*alarms_[i], *deadlines_[i]);
  }

  void check(std::size_t i) {
    const bool fired = alarms_[i]->times().size() > fired_[i];
    fired_[i] = alarms_[i]->times().size();
    if (fired) {
      ASSERT_TRUE(deadlines_[i].has_value()) << "nothing was scheduled";
      ASSERT_GE(now_, *deadlines_[i]) << "early";
      deadlines_[i].reset();
    } else if (deadlines_[i]) {
      ASSERT_LT(now_, *deadlines_[i] + kTick) << "late";
    }
  }

  std::mt19937 random_;
  Clock::time_point now_ = Clock::time_point() + hours(1) + milliseconds(13);
  TimingWheel wheel_{now_};
  std::vector<std::unique_ptr<Alarm>> alarms_;
  std::vector<std::optional<Clock::time_point>> deadlines_;
  std::vector<std::size_t> fired_ = std::vector<std::size_t>(40);
};

TEST(TimingWheelModelTest, AgreesWithANaiveModelOnRandomWalks) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    AlarmsAndDeadlines walk(seed);
    for (int step = 0; step < 1000; ++step) {
      walk.step();
      if (testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace wskit::server
