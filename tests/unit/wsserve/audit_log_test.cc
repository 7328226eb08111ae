#include "wsserve/audit/audit_log.h"
#include "support/scratch_folder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

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

TEST_F(AuditLogTest, WhatCameBeforeTheMoveIsInTheOldFile) {
  auto log = open();
  log->write("before");
  std::filesystem::rename(path(), path("moved"));
  ASSERT_TRUE(log->reopen());
  // The new one is in use by the time the log has ended.
  log->write("whenever");
  log.reset();
  EXPECT_THAT(read(path("moved")), HasSubstr("before\n"));
  EXPECT_EQ(read(path("moved")) + read(path()), "before\nwhenever\n");
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
