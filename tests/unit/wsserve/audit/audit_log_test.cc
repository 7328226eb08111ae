#include "wsserve/audit/audit_log.h"
#include "support/scratch_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace wskit::server {
namespace {

using testing::HasSubstr;

class AuditLogTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name = "audit.log") const {
    return scratch_.path() / name;
  }
  [[nodiscard]] std::unique_ptr<AuditLog> open(std::size_t max_waiting_bytes = 1 << 20) const {
    auto log = AuditLog::open({.path = path(), .max_waiting_bytes = max_waiting_bytes});
    EXPECT_TRUE(log) << log.error().message;
    return std::move(*log);
  }
  static std::string read(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  const test::ScratchFolder scratch_;
};

TEST_F(AuditLogTest, HasEveryLineInItsOrderAtTheEnd) {
  auto log = open();
  for (int i = 0; i < 3; ++i) log->write("{\"n\":" + std::to_string(i) + "}");
  log.reset();
  EXPECT_EQ(read(path()), "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n");
}

TEST_F(AuditLogTest, TakesLinesFromSeveralThreads) {
  constexpr int kThreads = 4;
  constexpr int kLines = 1'000;
  auto log = open();
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&log] {
      for (int line = 0; line < kLines; ++line) log->write("{}");
    });
  }
  // In the middle of it the file is moved and begun anew.
  std::filesystem::rename(path(), path("moved"));
  EXPECT_TRUE(log->reopen());
  for (std::thread& thread : threads) thread.join();
  log.reset();
  EXPECT_EQ(read(path("moved")).size() + read(path()).size(), std::size_t{3} * kThreads * kLines);
}

TEST_F(AuditLogTest, WhatCameBeforeTheMoveIsInTheOldFileAndTheRestInTheNewOne) {
  auto log = open();
  // Often enough that the log's thread is late at times.
  constexpr int kMoves = 200;
  for (int i = 0; i < kMoves; ++i) {
    log->write("before " + std::to_string(i));
    std::filesystem::rename(path(), path(std::to_string(i)));
    ASSERT_TRUE(log->reopen());
    log->write("after " + std::to_string(i));
    // Until the new one is in use: what waits for one that was replaced goes to the
    // one before.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (read(path()).empty()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "move " << i;
      std::this_thread::yield();
    }
  }
  log.reset();
  EXPECT_EQ(read(path("0")), "before 0\n");
  for (int i = 1; i < kMoves; ++i) {
    EXPECT_EQ(read(path(std::to_string(i))), fmt::format("after {}\nbefore {}\n", i - 1, i));
  }
  EXPECT_EQ(read(path()), fmt::format("after {}\n", kMoves - 1));
}

TEST_F(AuditLogTest, CountsWhatAPipeThatNobodyReadsDoesNotTakeAndEnds) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  const int reader = ::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  constexpr std::size_t kLine = 10'000;
  auto log = open(2 * kLine);
  for (int i = 0; i < 100; ++i) log->write(std::string(kLine, 'x'));
  EXPECT_GT(log->lost(), 50U);
  log.reset();
  ::close(reader);
}

TEST_F(AuditLogTest, WhatAPipeThatNobodyReadsDidNotTakeGoesToTheFileThatIsOpenedAnew) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  const int reader = ::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  constexpr int kLines = 1'000;
  auto log = open();
  const auto line = [](int i) { return fmt::format("{:0>500}", i); };
  for (int i = 0; i < kLines / 2; ++i) log->write(line(i));
  std::filesystem::rename(path(), path("pipe"));
  ASSERT_TRUE(log->reopen());
  for (int i = kLines / 2; i < kLines; ++i) log->write(line(i));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (!read(path()).ends_with(line(kLines - 1) + "\n")) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  std::string piped(1 << 20, '\0');
  const ssize_t size = ::read(reader, piped.data(), piped.size());
  ASSERT_GT(size, 0);
  piped.resize(static_cast<std::size_t>(size));
  std::string all = piped.substr(0, piped.rfind('\n') + 1) + read(path());
  for (int i = 0; i < kLines; ++i) {
    ASSERT_TRUE(all.starts_with(line(i) + "\n")) << i;
    all.erase(0, line(i).size() + 1);
  }
  EXPECT_EQ(all, "");
  EXPECT_EQ(log->lost(), 0U);
  log.reset();
  ::close(reader);
}

TEST_F(AuditLogTest, APipeWithoutAReaderIsAnErrorAndNoWait) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  const auto log = AuditLog::open({.path = path()});
  ASSERT_FALSE(log);
  EXPECT_THAT(log.error().message, HasSubstr(path()));
}

TEST_F(AuditLogTest, AFileThatCannotBeOpenedAnewLeavesTheOldOneInUse) {
  auto log = open();
  std::filesystem::rename(path(), path("moved"));
  std::filesystem::create_directory(path());
  EXPECT_FALSE(log->reopen());
  log->write("{}");
  log.reset();
  EXPECT_EQ(read(path("moved")), "{}\n");
}

}  // namespace
}  // namespace wskit::server
