#include "wsserve/loop/age_clock.h"

#include <gtest/gtest.h>

namespace wskit::server {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

// R7
class AgeClockTest : public testing::Test {
 protected:
  // Time goes on by `by`, and the wall clock is set by `set`.
  void pass(microseconds by, microseconds set = 0s) {
    even_ += by;
    wall_ += by + set;
    clock_.look(wall_);
  }
  // How old something that bears the time `at` seems, for ages of up to `age`.
  microseconds age_of(protocol::SystemMicros at, microseconds age) const {
    return clock_.now_for(age, wall_) - at;
  }

  microseconds even_ = 100h;
  protocol::SystemMicros wall_{400'000h};
  AgeClock clock_{[this] { return even_; }};
};

TEST_F(AgeClockTest, IsTheWallClockWhereThatGoesOnEvenly) {
  pass(0s);
  const auto begin = wall_;
  for (int i = 0; i < 100; ++i) pass(1h, 1s);  // a little wrong is no jump, and not forgotten either
  EXPECT_LE(age_of(begin, 1'000h), 100h + 100s);
  EXPECT_GE(age_of(begin, 1'000h), 100h);
}

TEST_F(AgeClockTest, AJumpForwardMakesNothingOlder) {
  pass(0s);
  const auto begin = wall_;
  pass(1min, 49h);
  EXPECT_EQ(age_of(begin, 24h), 1min);
  const auto after = wall_;
  pass(2h);
  EXPECT_EQ(age_of(begin, 24h), 2h + 1min);
  EXPECT_LE(age_of(after, 24h), 2h) << "younger than it is, for the jump may have been the mistake";
  pass(23h);
  // What was there before the jump is too old by now, whatever the clock says.
  EXPECT_GT(age_of(begin, 24h), 24h);
  EXPECT_EQ(age_of(after, 24h), 25h);
}

TEST_F(AgeClockTest, AClockThatIsWrongForSomeSecondsChangesNothing) {
  pass(0s);
  const auto begin = wall_;
  pass(1s, 49h);
  pass(5s, -49h);
  EXPECT_EQ(age_of(begin, 48h), 6s);
  pass(47h);
  EXPECT_EQ(age_of(begin, 48h), 47h + 6s);
}

TEST_F(AgeClockTest, AJumpBackMakesNothingOlder) {
  pass(0s);
  const auto begin = wall_;
  pass(1s, -10h);
  const auto after = wall_;
  pass(1h);
  EXPECT_EQ(age_of(after, 24h), 1h);
  EXPECT_LE(age_of(begin, 24h), 1h + 1s);
  pass(1s, 10h);
  EXPECT_LE(age_of(after, 24h), 1h + 1s);
  EXPECT_LE(age_of(begin, 24h), 1h + 2s);
}

TEST_F(AgeClockTest, AClockThatNeverStandsStillDeletesNothing) {
  pass(0s);
  const auto begin = wall_;
  for (int i = 0; i < 1'000; ++i) pass(1s, i % 2 == 0 ? microseconds(1h) : microseconds(-30min));
  EXPECT_LE(age_of(begin, 24h), 1'000s);
  EXPECT_LE(clock_.take_jumps().size(), 256U);
  EXPECT_TRUE(clock_.take_jumps().empty());
}

}  // namespace
}  // namespace wskit::server
