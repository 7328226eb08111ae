#include "wspub/line_source.h"
#include "support/scratch_folder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

namespace wskit::pub {
namespace {

using testing::HasSubstr;
using Kind = LineSource::Kind;

class LineSourceTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(pipe(pipe_.data()), 0); }

  void TearDown() override {
    close_writer();
    close(pipe_[0]);
  }

  void write(std::string_view text) {
    ASSERT_EQ(::write(pipe_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  void close_writer() {
    if (pipe_[1] >= 0) close(pipe_[1]);
    pipe_[1] = -1;
  }

  std::string file(const std::string& name, std::string_view content) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << content;
    return path;
  }

  LineSource& source() {
    if (!source_) {
      options_.stdin_fd = pipe_[0];
      source_.emplace(io_, options_,
                      LineSource::Witness{[this](std::string_view bytes) { seen_ += bytes; }, {}});
    }
    return *source_;
  }

  // All records up to the next time that there is none, as "number:text …", and
  // how that was.
  std::string drain() {
    std::string all;
    while (true) {
      const LineSource::Item item = source().next();
      switch (item.kind) {
        case Kind::kRecord:
          all += std::to_string(item.number) + ":" + std::string(item.text) + " ";
          break;
        case Kind::kTooLong:
          all += std::to_string(item.number) + ":long ";
          break;
        case Kind::kRest:
          break;
        case Kind::kWait:
          return all + "wait";
        case Kind::kEnd:
          return all + "end";
        case Kind::kFailed:
          return all + "failed: " + source().error();
      }
    }
  }

  boost::asio::io_context io_;
  SourceOptions options_;
  std::array<int, 2> pipe_{-1, -1};
  const test::ScratchFolder scratch_;
  const std::string directory_ = scratch_.path();
  std::string seen_;
  std::optional<LineSource> source_;
};

TEST_F(LineSourceTest, ReadsAPipeAsFarAsItIsFilled) {
  EXPECT_EQ(drain(), "wait");
  write("a\nb");
  EXPECT_EQ(drain(), "1:a wait");
  write("c\n");
  EXPECT_EQ(drain(), "2:bc wait");
  write("last");
  close_writer();
  EXPECT_EQ(drain(), "3:last end");
  EXPECT_EQ(drain(), "end");
}

TEST_F(LineSourceTest, WakesUpWhenThePipeHasBytesAndWhenItEnds) {
  int woken = 0;
  EXPECT_EQ(drain(), "wait");
  source().async_wait([&] { ++woken; });
  io_.poll();
  EXPECT_EQ(woken, 0);
  write("x\n");
  io_.restart();
  io_.run_for(std::chrono::seconds(30));
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(drain(), "1:x wait");
  source().async_wait([&] { ++woken; });
  close_writer();
  io_.restart();
  io_.run_for(std::chrono::seconds(30));
  EXPECT_EQ(woken, 2);
  EXPECT_EQ(drain(), "end");
}

TEST_F(LineSourceTest, LeavesTheSharedDescriptorBlocking) {
  EXPECT_EQ(drain(), "wait");
  source().async_wait([] {});
  io_.poll();
  EXPECT_EQ(fcntl(pipe_[0], F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(LineSourceTest, ReadsFilesAndStdinOneAfterTheOther) {
  options_.files = {file("one", "a\nb"), "-", file("two", "d\n")};
  write("c\n");
  close_writer();
  EXPECT_EQ(drain(), "1:a 2:b 3:c 4:d end");
  EXPECT_EQ(source().locate(2), options_.files[0] + ": line 2");
  EXPECT_EQ(source().locate(3), "line 1");
  EXPECT_EQ(source().locate(4), options_.files[2] + ": line 1");
}

TEST_F(LineSourceTest, ReadsANamedPipeWithoutWaitingInOpen) {
  const std::string path = directory_ + "/fifo";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  options_.files = {path};
  EXPECT_EQ(drain(), "wait");
  const int writer = open(path.c_str(), O_WRONLY);
  ASSERT_GE(writer, 0);
  ASSERT_EQ(::write(writer, "a\n", 2), 2);
  EXPECT_EQ(drain(), "1:a wait");
  close(writer);
  EXPECT_EQ(drain(), "end");
}

TEST_F(LineSourceTest, AMissingFileIsAnErrorThatNamesIt) {
  options_.files = {file("one", "a\n"), directory_ + "/missing"};
  EXPECT_EQ(drain(), "1:a failed: cannot open " + directory_ + "/missing: No such file or directory");
}

TEST_F(LineSourceTest, ADirectoryIsAnErrorThatNamesIt) {
  options_.files = {directory_};
  EXPECT_THAT(drain(), HasSubstr("cannot read " + directory_ + ": Is a directory"));
}

TEST_F(LineSourceTest, MessagesReplaceTheInput) {
  options_.messages = {"one", "two\nlines"};
  EXPECT_EQ(drain(), "1:one 2:two\nlines end");
  EXPECT_EQ(source().locate(2), "message 2");
  EXPECT_EQ(seen_, "one\ntwo\nlines\n");
}

TEST_F(LineSourceTest, EveryByteIsSeenAsItIsRead) {
  write("a\n\nb\r\nc");
  close_writer();
  EXPECT_EQ(drain(), "1:a 2: 3:b\r 4:c end");
  EXPECT_EQ(seen_, "a\n\nb\r\nc");
}

TEST_F(LineSourceTest, ALongLineIsCountedOnce) {
  options_.max_line_bytes = 5;
  write("toolong1\nok\ntoolong2");
  close_writer();
  EXPECT_EQ(drain(), "1:long 2:ok 3:long end");
}

TEST_F(LineSourceTest, ARecordPutBackComesAgain) {
  write("a\nb\n");
  const LineSource::Item first = source().next();
  source().put_back(first);
  EXPECT_EQ(drain(), "1:a 2:b wait");
}

TEST_F(LineSourceTest, AfterTheStopWhatHasBeenReadStillComes) {
  write("a\nb\nunfinished");
  EXPECT_EQ(source().next().text, "a");
  source().stop_reading();
  write("c\n");
  EXPECT_EQ(drain(), "2:b end");
  EXPECT_EQ(source().abandon(), 1U) << "the unfinished line is lost";
}

TEST_F(LineSourceTest, LinesTakenOutOfAPipeAndNotHandedOutAreCounted) {
  write("a\nb\n\nc\n");
  EXPECT_EQ(source().next().text, "a");
  const LineSource::Item second = source().next();
  source().put_back(second);
  EXPECT_EQ(source().abandon(), 2U) << "b and c; a blank line is nothing to lose";
  EXPECT_EQ(drain(), "end");
}

TEST_F(LineSourceTest, LinesOfAFileAreNotLost) {
  options_.files = {file("one", "a\nb\nc\n")};
  EXPECT_EQ(source().next().text, "a");
  EXPECT_EQ(source().abandon(), 0U);
}

TEST_F(LineSourceTest, FilesAndMessagesCanBeReadAgainWithNumbersThatGoOn) {
  options_.files = {file("a", "1\n"), file("b", "2\n3")};
  EXPECT_TRUE(source().can_begin_again());
  EXPECT_EQ(drain(), "1:1 2:2 3:3 end");
  source().begin_again();
  EXPECT_EQ(drain(), "4:1 5:2 6:3 end");
  EXPECT_EQ(source().locate(5), options_.files[1] + ": line 1");
  source_.reset();
  options_ = {.messages = {"x"}, .files = {}};
  EXPECT_TRUE(source().can_begin_again());
  EXPECT_EQ(drain(), "1:x end");
  source().begin_again();
  EXPECT_EQ(drain(), "2:x end");
}

TEST_F(LineSourceTest, APipeCannotBeReadAgain) {
  EXPECT_FALSE(source().can_begin_again());
  source_.reset();
  options_.files = {file("a", "1\n"), "-"};
  EXPECT_FALSE(source().can_begin_again());
}

class FollowedFileTest : public LineSourceTest {
 protected:
  FollowedFileTest() { options_.follow = true; }

  void append(std::string_view text) { std::ofstream(options_.files.back(), std::ios::app) << text; }

  // Waits until the source wants to be asked again, once `change` has been made.
  void wake_by(const std::function<void()>& change) {
    bool woken = false;
    source().async_wait([&] { woken = true; });
    change();
    io_.restart();
    while (!woken && io_.run_one_for(std::chrono::seconds(30)) > 0) continue;
    EXPECT_TRUE(woken);
  }
};

TEST_F(FollowedFileTest, WhatIsAppendedFollowsOnceItsLineHasAnEnd) {
  options_.files = {file("first", "a\n"), file("log", "b\nc")};
  EXPECT_EQ(drain(), "1:a 2:b wait");
  wake_by([&] { append("d\ne"); });
  EXPECT_EQ(drain(), "3:cd wait");
  wake_by([&] { append("\n"); });
  EXPECT_EQ(drain(), "4:e wait");
  EXPECT_FALSE(source().position()) << "nobody knows how long it becomes";
  source().stop_reading();
  EXPECT_EQ(drain(), "end");
}

TEST_F(FollowedFileTest, AnotherFileOfItsNameIsReadFromItsBeginning) {
  options_.files = {file("log", "a\nb")};
  EXPECT_EQ(drain(), "1:a wait");
  const std::string path = options_.files.back();
  wake_by([&] { std::filesystem::rename(path, path + ".1"); });
  EXPECT_EQ(drain(), "wait") << "its writer may go on";
  std::ofstream(path + ".1", std::ios::app) << "\nlate\n";
  EXPECT_EQ(drain(), "2:b 3:late wait");
  wake_by([&] { append("c\n"); });
  EXPECT_EQ(drain(), "4:c wait");
  EXPECT_EQ(source().locate(4), path + ": line 1");
  wake_by([&] { append("d\n"); });
  EXPECT_EQ(drain(), "5:d wait");
}

TEST_F(FollowedFileTest, AFileCutShortIsReadFromItsBeginning) {
  options_.files = {file("log", "a\nb\nc\n")};
  EXPECT_EQ(drain(), "1:a 2:b 3:c wait");
  wake_by([&] { std::filesystem::resize_file(options_.files.back(), 0); });
  EXPECT_EQ(drain(), "wait");
  append("d\n");
  EXPECT_EQ(drain(), "4:d wait");
}

TEST_F(FollowedFileTest, AFileCutShortThatHasGrownAgainIsReadFromItsBeginning) {
  options_.files = {file("log", "a\nb\n")};
  EXPECT_EQ(drain(), "1:a 2:b wait");
  file("log", "c\nd\ne\n");
  EXPECT_EQ(drain(), "3:c 4:d 5:e wait");
  file("log", "f\ng\nh\n");
  EXPECT_EQ(drain(), "6:f 7:g 8:h wait") << "it is as long as it was";
  EXPECT_EQ(seen_, "a\nb\nc\nd\ne\nf\ng\nh\n") << "nothing is read twice";
}

TEST_F(FollowedFileTest, AFileLongerThanWhatIsComparedIsReadOn) {
  const std::string line(200, 'x');
  options_.files = {file("log", line + "\n" + line + "\n")};
  EXPECT_EQ(drain(), "1:" + line + " 2:" + line + " wait");
  append("a\n");
  EXPECT_EQ(drain(), "3:a wait");
  append(line + line + line + "\n");
  EXPECT_EQ(drain(), "4:" + line + line + line + " wait");
  append("b\n");
  EXPECT_EQ(drain(), "5:b wait");
}

TEST_F(FollowedFileTest, WhatIsNoFileCannotBeFollowed) {
  options_.files = {"/dev/null"};
  EXPECT_EQ(drain(), "failed: cannot follow /dev/null: it is no regular file");
}

TEST_F(LineSourceTest, TellsHowMuchOfAFileHasBeenRead) {
  options_.files = {file("one", "a\nb\n")};
  EXPECT_EQ(source().position(), std::nullopt);
  std::ignore = source().next();
  const auto position = source().position();
  ASSERT_TRUE(position);
  EXPECT_EQ(position->name, options_.files[0]);
  EXPECT_EQ(position->share, 1.0);
}

}  // namespace
}  // namespace wskit::pub
