#include "common/cli/color.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <cstdlib>

#include "pipe_pair.h"

namespace wskit::cli {
namespace {

class ColorTest : public ::testing::Test {
 protected:
  ColorTest() {
    if (openpty(&controller_, &terminal_, nullptr, nullptr, nullptr) != 0) terminal_ = -1;
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
  }
  ~ColorTest() override {
    close(controller_);
    close(terminal_);
    unsetenv("TERM");
    unsetenv("NO_COLOR");
  }

  int controller_ = -1;
  int terminal_ = -1;
  testing::Pipe pipe_;
};

TEST_F(ColorTest, IsForTerminals) {
  EXPECT_TRUE(use_color(ColorMode::kAuto, terminal_));
  EXPECT_FALSE(use_color(ColorMode::kAuto, pipe_.writer()));
}

TEST_F(ColorTest, HonoursNoColorUnlessItIsEmpty) {
  setenv("NO_COLOR", "", 1);
  EXPECT_TRUE(use_color(ColorMode::kAuto, terminal_));
  setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(use_color(ColorMode::kAuto, terminal_));
}

TEST_F(ColorTest, HonoursADumbTerminal) {
  setenv("TERM", "dumb", 1);
  EXPECT_FALSE(use_color(ColorMode::kAuto, terminal_));
}

TEST_F(ColorTest, TheFlagOutweighsAllOfIt) {
  setenv("NO_COLOR", "1", 1);
  EXPECT_TRUE(use_color(ColorMode::kAlways, pipe_.writer()));
  unsetenv("NO_COLOR");
  EXPECT_FALSE(use_color(ColorMode::kNever, terminal_));
}

}  // namespace
}  // namespace wskit::cli
