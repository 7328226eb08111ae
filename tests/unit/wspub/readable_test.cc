#include "wspub/readable.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>
#include <utility>

namespace wskit::pub {
namespace {

class ReadableTest : public testing::Test {
 protected:
  ReadableTest() {
    EXPECT_EQ(pipe(ends_.data()), 0);
    readable_.watch(ends_[0]);
  }
  ~ReadableTest() override {
    for (const int end : ends_) close(end);
  }

  std::array<int, 2> ends_{-1, -1};
  boost::asio::io_context io_;
  Readable readable_{io_};
};

TEST_F(ReadableTest, SaysWhetherAReadWouldReturnAtOnce) {
  EXPECT_FALSE(readable_.now());
  ASSERT_EQ(write(ends_[1], "x", 1), 1);
  EXPECT_TRUE(readable_.now());
  char byte = 0;
  ASSERT_EQ(read(ends_[0], &byte, 1), 1);
  EXPECT_FALSE(readable_.now());
  close(std::exchange(ends_[1], -1));
  EXPECT_TRUE(readable_.now()) << "the end";
}

TEST_F(ReadableTest, IsNotNowBecauseASignalCame) {
  struct sigaction counting {};
  struct sigaction before {};
  counting.sa_handler = [](int) {};
  ASSERT_EQ(sigaction(SIGUSR1, &counting, &before), 0);
  std::atomic<bool> done = false;
  std::thread signals([&done, here = pthread_self()] {
    while (!done) pthread_kill(here, SIGUSR1);
  });
  int wrong = 0;
  for (int look = 0; look < 20'000; ++look) wrong += readable_.now() ? 1 : 0;
  done = true;
  signals.join();
  sigaction(SIGUSR1, &before, nullptr);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace wskit::pub
