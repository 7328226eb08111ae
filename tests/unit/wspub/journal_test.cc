// That runs with one journal publish each line once between them, and that a
// journal is never taken for another input's.

#include "wspub/journal.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>

#include "publisher_fixture.h"

namespace wskit::pub {
namespace {

using protocol::ErrorCode;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using Kind = Verdict::Kind;

class JournalTest : public PublisherFixture {
 protected:
  JournalTest() {
    options_.first_operand = "c";
    options_.journal = scratch_file("journal");
  }

  // `n` for each n from `from` to `to`, a line each.
  static std::string lines(int from, int to) {
    std::string text;
    for (int n = from; n <= to; ++n) text += std::to_string(n) + "\n";
    return text;
  }

  void run(const std::string& text) {
    forget();
    input(text);
    finish();
  }

  static std::vector<std::string> expected(int from, int to) {
    std::vector<std::string> events;
    for (int n = from; n <= to; ++n) events.push_back(fmt::format(R"({{"type":"message","data":{}}})", n));
    return events;
  }
};

TEST_F(JournalTest, WhatIsDoneIsPassedOver) {
  run(lines(1, 100));
  EXPECT_EQ(exit_code(), 0);
  run(lines(1, 100));
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(totals().read, 0U);
  run(lines(1, 150));
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(totals().read, 50U);
  EXPECT_EQ(totals().duplicates, 0U);
  EXPECT_EQ(server_.events("c"), expected(1, 150));
  EXPECT_THAT(notices(), HasSubstr("the first 100 lines have been published before"));
}

TEST_F(JournalTest, ALineAtTheEndNeedsNoNewlineToBeTheSame) {
  run("1\n2");
  run("1\n2\n3\n");
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(server_.events("c"), expected(1, 3));
}

TEST_F(JournalTest, SkippedAndBlankLinesAreDoneToo) {
  options_.on_invalid = "skip";
  options_.max_line = 10;
  run("1\n\nno\n" + std::string(300, 'x') + "\n2\n");
  EXPECT_EQ(totals().skipped, 2U);
  run("1\n\nno\n" + std::string(300, 'x') + "\n2\n3\n");
  EXPECT_EQ(totals().skipped, 0U);
  EXPECT_EQ(server_.events("c"), expected(1, 3));
}

TEST_F(JournalTest, ALineThatCannotBePublishedIsNotDoneAndCanBeMended) {
  run("1\n2\nthree\n4\n");
  EXPECT_EQ(exit_code(), 8);
  run("1\n2\n3\n4\n");
  EXPECT_EQ(exit_code(), 0) << notices();
  EXPECT_EQ(server_.events("c"), expected(1, 4));
}

TEST_F(JournalTest, ALineThatTheServerRefusedComesAgainAndTheOthersDoNot) {
  bool refusing = true;
  server_.judge = [&refusing](const protocol::Command& command) {
    if (refusing && command.publish.front().data == "3") {
      return Verdict{Kind::kRefuse, {ErrorCode::kForbidden, "not here", ""}};
    }
    return Verdict{};
  };
  run(lines(1, 10));
  EXPECT_EQ(exit_code(), 4);
  const std::size_t published = server_.total_events();
  EXPECT_GT(published, 3U) << "lines behind it were on their way";
  refusing = false;
  run(lines(1, 10));
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(totals().acknowledged, 8U) << "from the third on";
  EXPECT_EQ(totals().duplicates, published - 2);
  EXPECT_EQ(server_.total_events(), 10U);
}

TEST_F(JournalTest, LinesThatBecameOthersAreNoDuplicates) {
  options_.connect.reconnect = false;
  server_.judge = [this](const protocol::Command&) {
    return Verdict{server_.commands().size() == 3 ? Kind::kCutAfter : Kind::kAccept};
  };
  run("1\n2\n3\n4\n");
  EXPECT_EQ(exit_code(), 6);
  EXPECT_EQ(server_.total_events(), 3U) << "the third line is published, and not acknowledged";
  run("1\n2\n7\n4\n");
  EXPECT_EQ(exit_code(), 0) << notices();
  EXPECT_LE(totals().duplicates, 2U) << "of the lines before it at most";
  EXPECT_EQ(server_.total_events(), 5U);
}

TEST_F(JournalTest, AnotherInputIsRefused) {
  run(lines(1, 100));
  for (const std::string& other :
       {lines(2, 101), lines(1, 99) + "10\n" + lines(1, 10), "1\n2\n3" + lines(4, 200)}) {
    run(other);
    EXPECT_EQ(exit_code(), 8);
    EXPECT_THAT(notices(), HasSubstr("its first 100 records differ from those that were published"));
  }
  run(lines(1, 99));
  EXPECT_EQ(exit_code(), 8);
  EXPECT_THAT(notices(), HasSubstr("it ends after 99"));
  EXPECT_EQ(server_.total_events(), 100U);
}

TEST_F(JournalTest, AnotherSeparatorIsRefused) {
  run(lines(1, 10));
  options_.nul = true;
  run(lines(1, 10));
  EXPECT_EQ(exit_code(), 8);
  EXPECT_THAT(notices(), HasSubstr("another separator of records"));
}

TEST_F(JournalTest, SeveralFilesAreOneInput) {
  const auto file = [this](const std::string& name, const std::string& text) {
    std::ofstream(scratch_file(name), std::ios::binary) << text;
    return scratch_file(name);
  };
  options_.files = {file("a", lines(1, 10)), file("b", lines(11, 20))};
  finish();
  forget();
  options_.files.push_back(file("c", lines(21, 30)));
  finish();
  EXPECT_EQ(totals().read, 10U);
  EXPECT_EQ(server_.events("c"), expected(1, 30));
}

// F4: the place past another file's beginning was taken for one in it, and nothing was
// published ever after.
class JournalOfAFollowedFile : public JournalTest {
 protected:
  JournalOfAFollowedFile() {
    options_.follow = true;
    options_.files = {log_};
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(scratch_file(name), std::ios::binary | std::ios::app) << text;
  }
  void rename(const std::string& from, const std::string& to) const {
    std::filesystem::rename(scratch_file(from), scratch_file(to));
  }

  // A run that ends when `count` events are there; what all runs have published so far.
  std::string run_to(std::size_t count) {
    start();
    EXPECT_TRUE(until([&] { return totals().acknowledged == count - before_; })) << notices() << published();
    stop();
    return published();
  }
  void stop() {
    publisher_->stop(SIGINT);
    finish();
    before_ = server_.total_events();
    forget();
  }

  [[nodiscard]] std::string published() const {
    std::string all;
    for (const std::string& event : server_.events("c")) {
      const std::size_t data = event.find("\"data\":") + 7;
      all += event.substr(data, event.size() - data - 1) + " ";
    }
    return all;
  }

  const std::string log_ = scratch_file("log");
  std::size_t before_ = 0;
};

TEST_F(JournalOfAFollowedFile, GoesOnWhereItWas) {
  write("log", "1\n2\n");
  EXPECT_EQ(run_to(2), "1 2 ");
  write("log", "3\n");
  EXPECT_EQ(run_to(3), "1 2 3 ");
}

TEST_F(JournalOfAFollowedFile, ARotatedOneIsReadToItsEndAndThenTheNewOne) {
  write("log", "1\n2\n3\n");
  run_to(3);
  write("log", "4\n");
  rename("log", "log.1");
  write("log", "1\n2\n");
  EXPECT_EQ(run_to(6), "1 2 3 4 1 2 ") << "equal lines are no duplicates";
  write("log", "3\n");
  EXPECT_EQ(run_to(7), "1 2 3 4 1 2 3 ");
}

TEST_F(JournalOfAFollowedFile, FilesThatCameBetweenAreReadToo) {
  write("log", "1\n");
  run_to(1);
  write("log", "2");
  rename("log", "log.2");
  write("log.1", "3\n4\n");
  write("log", "5\n");
  EXPECT_EQ(run_to(5), "1 2 3 4 5 ");
}

TEST_F(JournalOfAFollowedFile, ARotatedOneIsFoundUnderAnyNameBesideIt) {
  write("log", "1\n2\n");
  run_to(2);
  write("log", "3\n");
  rename("log", "log-20261130");
  write("log", "1\n2\n");
  EXPECT_EQ(run_to(5), "1 2 3 1 2 ");
}

TEST_F(JournalOfAFollowedFile, AFileThatWasCopiedAndCutShortIsReadInBoth) {
  write("log", "1\n2\n");
  run_to(2);
  write("log", "3\n");
  std::filesystem::copy_file(log_, log_ + ".1");
  std::filesystem::resize_file(log_, 0);
  write("log", "4\n");
  EXPECT_EQ(run_to(4), "1 2 3 4 ");
}

TEST_F(JournalOfAFollowedFile, WhereTheOldOneIsGoneTheNewOneIsReadFromItsBeginning) {
  write("log", "1\n2\n3\n");
  run_to(3);
  std::filesystem::resize_file(log_, 0);
  write("log", "7\n");
  EXPECT_EQ(run_to(4), "1 2 3 7 ") << "a shorter one";
  EXPECT_THAT(notices(), HasSubstr("is another file than the one that"));
  EXPECT_THAT(notices(), HasSubstr("is published from its beginning"));
  EXPECT_THAT(notices(), Not(HasSubstr("have been published before")));
  std::filesystem::resize_file(log_, 0);
  write("log", "8\n9\n10\n11\n");
  EXPECT_EQ(run_to(8), "1 2 3 7 8 9 10 11 ") << "a longer one";
}

TEST_F(JournalOfAFollowedFile, TheSameTextInAnotherFileIsTheSameInput) {
  write("log", "1\n2\n");
  run_to(2);
  std::filesystem::copy_file(log_, log_ + ".copy");
  std::filesystem::remove(log_);
  rename("log.copy", "log");
  write("log", "3\n");
  EXPECT_EQ(run_to(3), "1 2 3 ");
}

TEST_F(JournalOfAFollowedFile, ARotationWhileItRunsMovesTheJournalToTheNewFile) {
  write("log", "1\n2\n");
  start();
  ASSERT_TRUE(until([this] { return totals().acknowledged == 2; }));
  rename("log", "log.1");
  write("log", "1\n");
  ASSERT_TRUE(until([this] { return totals().acknowledged == 3; }));
  stop();
  std::filesystem::remove(scratch_file("log.1"));
  write("log", "2\n");
  EXPECT_EQ(run_to(4), "1 2 1 2 ");
}

TEST_F(JournalTest, AFileThatCannotBeWrittenEndsTheRun) {
  options_.journal = "/nonexistent/journal";
  run(lines(1, 3));
  EXPECT_EQ(exit_code(), 8);
  EXPECT_THAT(notices(), HasSubstr("cannot open the journal /nonexistent/journal"));
  EXPECT_EQ(server_.total_events(), 0U);
}

// Runs end at random moments with lines published and not acknowledged: all runs
// together publish each line once and in order.
class JournalOverManyRuns : public JournalTest, public ::testing::WithParamInterface<unsigned> {};

TEST_P(JournalOverManyRuns, EachLineIsPublishedOnceAndInOrder) {
  std::mt19937 random(GetParam());
  constexpr int kLines = 500;
  options_.connect.retries = 1;
  server_.judge = [&](const protocol::Command&) {
    const auto chance = random() % 30;
    return Verdict{chance == 0 ? Kind::kCutAfter : chance == 1 ? Kind::kCutBefore : Kind::kAccept};
  };
  int runs = 0;
  do {
    ASSERT_LT(++runs, 1000);
    options_.window = 1 + random() % 64;
    run(lines(1, kLines));
  } while (exit_code() == 6);
  EXPECT_EQ(exit_code(), 0) << notices();
  EXPECT_GT(runs, 1);
  EXPECT_EQ(server_.events("c"), expected(1, kLines));
}

INSTANTIATE_TEST_SUITE_P(Seeds, JournalOverManyRuns, ::testing::Range(1U, 11U));

}  // namespace
}  // namespace wskit::pub
