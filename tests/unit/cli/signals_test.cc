#include "common/cli/signals.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <optional>
#include <vector>

#include "test_loop.h"

namespace wskit::cli {
namespace {

class SignalsTest : public ::testing::Test {
 protected:
  void watch() {
    signals_.emplace(
        io_, [this](int signal) { stops_.push_back(signal); }, [this] { ++reports_; });
  }

  static bool is_default(int signal) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    return action.sa_handler == SIG_DFL;
  }

  boost::asio::io_context io_;
  std::optional<Signals> signals_;
  std::vector<int> stops_;
  int reports_ = 0;
};

TEST_F(SignalsTest, TheFirstOneStopsAndGivesTheDefaultActionBack) {
  watch();
  EXPECT_FALSE(is_default(SIGINT));
  EXPECT_FALSE(is_default(SIGTERM));
  raise(SIGTERM);
  ASSERT_TRUE(testing::run_until(io_, [&] { return !stops_.empty(); }));
  EXPECT_EQ(stops_, std::vector<int>{SIGTERM});
  EXPECT_TRUE(is_default(SIGINT));
  EXPECT_TRUE(is_default(SIGTERM));
}

TEST_F(SignalsTest, AnswersEachQuestion) {
  watch();
  raise(SIGUSR1);
  ASSERT_TRUE(testing::run_until(io_, [&] { return reports_ == 1; }));
  raise(SIGUSR1);
  ASSERT_TRUE(testing::run_until(io_, [&] { return reports_ == 2; }));
  EXPECT_TRUE(stops_.empty());
}

TEST_F(SignalsTest, LeavesIgnoredWhatWasIgnored) {
  std::signal(SIGINT, SIG_IGN);
  watch();
  raise(SIGINT);
  raise(SIGTERM);
  ASSERT_TRUE(testing::run_until(io_, [&] { return !stops_.empty(); }));
  EXPECT_EQ(stops_, std::vector<int>{SIGTERM});
  std::signal(SIGINT, SIG_DFL);
}

TEST_F(SignalsTest, LetsTheLoopRunOutOfWorkOnceCancelled) {
  watch();
  signals_->cancel();
  io_.run();
  EXPECT_TRUE(is_default(SIGINT));
  EXPECT_TRUE(is_default(SIGUSR1));
}

}  // namespace
}  // namespace wskit::cli
