#include "wsserve/log/server_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace wskit::server {
namespace {

using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// U2
class ServerLogTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::pipe(pipe_.data()), 0); }
  void TearDown() override {
    log_.reset();
    for (const int fd : pipe_) ::close(fd);
  }

  ServerLog& open(const cli::NoticeOptions& options = {}) { return log_.emplace(options, pipe_[1]); }

  // All that was said; the log is closed by it.
  std::vector<std::string> lines() {
    log_.reset();
    ::fcntl(pipe_[0], F_SETFL, O_NONBLOCK);
    std::string text;
    std::array<char, 4096> piece;
    for (ssize_t count = 0; (count = ::read(pipe_[0], piece.data(), piece.size())) > 0;) {
      text.append(piece.data(), static_cast<std::size_t>(count));
    }
    std::vector<std::string> lines;
    for (std::size_t end = 0; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
      lines.push_back(text.substr(0, end));
    }
    EXPECT_EQ(text, "") << "a line without its end";
    return lines;
  }

  std::array<int, 2> pipe_{-1, -1};
  std::optional<ServerLog> log_;
  const ServerLog::Clock::time_point start_{seconds{1'000}};
};

TEST_F(ServerLogTest, TellsOfTroubleAtOnce) {
  open().trouble(Trouble::kToken, "203.0.113.9 GET /ws: the token has expired", start_);
  EXPECT_THAT(lines(), ElementsAre("wsserve: refused for want of a right token: 203.0.113.9 GET /ws: the "
                                   "token has expired"));
}

TEST_F(ServerLogTest, TellsOneLineOfAKindInTenSecondsAndCountsTheRest) {
  ServerLog& log = open();
  for (int i = 0; i < 100; ++i) log.trouble(Trouble::kOrigin, fmt::format("{}", i), start_ + seconds{i / 20});
  log.look(0, start_ + seconds{9});
  log.look(0, start_ + seconds{10});
  log.look(0, start_ + seconds{20});
  EXPECT_THAT(lines(), ElementsAre(HasSubstr(": 0"), HasSubstr(": 99 (99 times; this is the last)")));
}

TEST_F(ServerLogTest, KeepsTheKindsApart) {
  ServerLog& log = open();
  log.trouble(Trouble::kToken, "a", start_);
  log.trouble(Trouble::kSlowConsumer, "b", start_);
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("token: a"), HasSubstr("slow consumer: b")));
}

TEST_F(ServerLogTest, TellsAtItsEndWhatItHasCounted) {
  ServerLog& log = open();
  for (int i = 0; i < 3; ++i) log.trouble(Trouble::kToken, "x", start_);
  EXPECT_THAT(lines(), ElementsAre(HasSubstr(": x"), HasSubstr("(2 times")));
}

TEST_F(ServerLogTest, TellsOfAStorm) {
  ServerLog& log = open();
  log.look(5'000, start_);
  log.look(5'999, start_ + seconds{10});
  log.look(6'999, start_ + seconds{20});
  log.look(6'999, start_ + seconds{30});
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("5999 connections"), HasSubstr("1000 connections within 10 s")));
}

TEST_F(ServerLogTest, SaysWhoCameWithOneVAndCommandsWithTwo) {
  for (int verbose = 0; verbose <= 2; ++verbose) {
    ServerLog& log = open({.verbose = verbose});
    log.connection("came {}", 1);
    log.command("subscribe {}", 2);
    EXPECT_EQ(lines().size(), static_cast<std::size_t>(verbose));
  }
}

TEST_F(ServerLogTest, IsSilentWhereErrorsAreSilenced) {
  open({.quiet = 1}).trouble(Trouble::kToken, "x", start_);
  EXPECT_EQ(lines().size(), 1U) << "-q silences notices, and this is none";
  open({.quiet = 2}).trouble(Trouble::kToken, "x", start_);
  EXPECT_THAT(lines(), IsEmpty());
}

TEST_F(ServerLogTest, NeverHasAControlCharacterInALine) {
  open().trouble(Trouble::kPermission, "a\nwsserve: forged\x1b[31m\xc2\x9b", start_);
  const auto said = lines();
  ASSERT_EQ(said.size(), 1U);
  EXPECT_THAT(said.front(), AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\xc2\x9b"))));
}

TEST_F(ServerLogTest, WritesAnObjectALineAsJson) {
  ServerLog& log = open({.verbose = 1, .format = cli::LogFormat::kJson});
  log.trouble(Trouble::kTooLarge, "\"quoted\" \xff", start_);
  log.connection("came");
  const auto said = lines();
  ASSERT_EQ(said.size(), 2U);
  const auto trouble = nlohmann::json::parse(said[0]);
  EXPECT_EQ(trouble["kind"], "too_large");
  EXPECT_EQ(trouble["count"], 1);
  EXPECT_EQ(trouble["level"], "warning");
  EXPECT_EQ(nlohmann::json::parse(said[1])["message"], "came");
}

TEST_F(ServerLogTest, DoesNotWaitForAPipeThatNobodyReads) {
  ServerLog& log = open({.verbose = 1});
  // More than the pipe and the queue hold.
  const std::string line(400, 'x');
  for (int i = 0; i < 20'000; ++i) log.connection("{}", line);
  EXPECT_GT(log.lost(), 0U);
}

TEST_F(ServerLogTest, TellsHowManyLinesWereLostOnceThePipeIsReadAgain) {
  ServerLog& log = open({.verbose = 1});
  const std::string line(400, 'x');
  for (int i = 0; i < 20'000; ++i) log.connection("{}", line);
  ASSERT_GT(log.lost(), 0U);
  ::fcntl(pipe_[0], F_SETFL, O_NONBLOCK);
  std::string text;
  std::array<char, 65536> piece;
  ServerLog::Clock::time_point now = start_;
  const auto deadline = ServerLog::Clock::now() + seconds{60};
  while (text.find("lines of this log are missing") == std::string::npos) {
    ASSERT_LT(ServerLog::Clock::now(), deadline) << "nothing tells of " << log.lost() << " lines";
    log.look(0, now += ServerLog::kQuiet);
    for (ssize_t count = 0; (count = ::read(pipe_[0], piece.data(), piece.size())) > 0;) {
      text.append(piece.data(), static_cast<std::size_t>(count));
    }
  }
  EXPECT_THAT(text, HasSubstr(" since the start"));
}

TEST_F(ServerLogTest, TellsOfLostLinesOnlyWhereSomeWere) {
  ServerLog& log = open({.verbose = 1});
  log.connection("came");
  log.look(0, start_);
  log.look(0, start_ + ServerLog::kQuiet);
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("came")));
}

}  // namespace
}  // namespace wskit::server
