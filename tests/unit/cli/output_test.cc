#include "common/cli/output.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdio>
#include <optional>

#include "pipe_pair.h"
#include "test_loop.h"

namespace wskit::cli {
namespace {

using testing::Pipe;

class OutputTest : public ::testing::Test {
 protected:
  OutputTest() { std::signal(SIGPIPE, SIG_IGN); }

  Output& open(int fd) {
    output_.emplace(io_, fd,
                    Output::Handlers{.ended =
                                         [this](Output::End end, int error) {
                                           end_ = end;
                                           error_ = error;
                                         },
                                     .drained = [this] { ++drained_; }});
    return *output_;
  }

  template <class Condition>
  void wait_for(Condition condition) {
    ASSERT_TRUE(testing::run_until(io_, condition));
  }

  boost::asio::io_context io_;
  Pipe pipe_;
  std::optional<Output> output_;
  std::optional<Output::End> end_;
  int error_ = 0;
  int drained_ = 0;
};

TEST_F(OutputTest, WritesAtTheFlushAndNotBefore) {
  Output& output = open(pipe_.writer());
  output.append("one\n");
  output.append("two\n");
  EXPECT_EQ(pipe_.read_now(), "");
  output.flush();
  EXPECT_EQ(pipe_.read_now(), "one\ntwo\n");
}

TEST_F(OutputTest, WritesByItselfWhenTheBatchIsLarge) {
  Output& output = open(pipe_.writer());
  output.append(std::string(Output::kFlushBytes - 1, 'x'));
  EXPECT_EQ(pipe_.read_now().size(), 0U);
  output.append("y");
  EXPECT_EQ(pipe_.read_now().size(), Output::kFlushBytes);
}

TEST_F(OutputTest, NeverBlocksOnASlowReaderAndLosesNothing) {
  Output& output = open(pipe_.writer());
  std::string expected;
  while (!output.congested()) {
    const std::string record(10'000, static_cast<char>('a' + expected.size() % 26));
    expected += record;
    output.append(record);
    output.flush();
  }
  EXPECT_GT(expected.size(), Output::kHighWaterBytes);
  std::string received;
  wait_for([&] {
    received += pipe_.read_now();
    return received.size() == expected.size();
  });
  EXPECT_EQ(received, expected);
  EXPECT_FALSE(output.congested());
  EXPECT_EQ(drained_, 1);
  EXPECT_FALSE(end_);
}

TEST_F(OutputTest, LeavesTheFlagsOfTheDescriptorAlone) {
  const int before = fcntl(pipe_.writer(), F_GETFL);
  Output& output = open(pipe_.writer());
  output.append(std::string(200'000, 'x'));
  output.flush();
  EXPECT_EQ(fcntl(pipe_.writer(), F_GETFL), before);
}

TEST_F(OutputTest, NoticesAReaderThatLeavesWhileNothingIsWritten) {
  open(pipe_.writer());
  pipe_.close_reader();
  wait_for([&] { return end_.has_value(); });
  EXPECT_EQ(end_, Output::End::kReaderGone);
}

TEST_F(OutputTest, NoticesAReaderThatLeavesInTheMiddleOfAWrite) {
  Output& output = open(pipe_.writer());
  output.append(std::string(500'000, 'x'));
  output.flush();
  pipe_.close_reader();
  wait_for([&] { return end_.has_value(); });
  EXPECT_EQ(end_, Output::End::kReaderGone);
  output.append("more");
  output.flush();
}

TEST_F(OutputTest, NoticesAReaderThatWasNeverThere) {
  pipe_.close_reader();
  open(pipe_.writer());
  wait_for([&] { return end_.has_value(); });
  EXPECT_EQ(end_, Output::End::kReaderGone);
}

TEST_F(OutputTest, WorksOnASocketThatOthersShare) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  Output& output = open(ends[1]);
  std::string received;
  output.append(std::string(2'000'000, 's'));
  output.flush();
  EXPECT_EQ(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
  wait_for([&] {
    std::string buffer(65536, '\0');
    const ssize_t count = recv(ends[0], buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) received.append(buffer, 0, static_cast<std::size_t>(count));
    return received.size() == 2'000'000;
  });
  output_.reset();
  close(ends[0]);
  close(ends[1]);
}

TEST_F(OutputTest, AppendsToAFileWhereItStands) {
  std::FILE* file = std::tmpfile();
  ASSERT_EQ(::write(fileno(file), "before\n", 7), 7);
  Output& output = open(fileno(file));
  output.append("after\n");
  output.flush();
  char content[32] = {};
  ASSERT_EQ(pread(fileno(file), content, sizeof(content), 0), 13);
  EXPECT_STREQ(content, "before\nafter\n");
  output_.reset();
  std::fclose(file);
}

TEST_F(OutputTest, SaysWhyADiskTakesNoMore) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  Output& output = open(full);
  output.append("x");
  output.flush();
  EXPECT_EQ(end_, Output::End::kFailed);
  EXPECT_EQ(error_, ENOSPC);
  EXPECT_TRUE(output.ended());
  output_.reset();
  close(full);
}

TEST_F(OutputTest, FinishesWhenEverythingIsWritten) {
  Output& output = open(pipe_.writer());
  output.append(std::string(300'000, 'x'));
  bool done = false;
  output.finish([&] { done = true; });
  EXPECT_FALSE(done);
  std::size_t received = 0;
  wait_for([&] {
    received += pipe_.read_now().size();
    return done;
  });
  received += pipe_.read_now().size();
  EXPECT_EQ(received, 300'000U);
}

TEST_F(OutputTest, FinishesAlsoWhenTheReaderLeaves) {
  Output& output = open(pipe_.writer());
  output.append(std::string(300'000, 'x'));
  bool done = false;
  output.finish([&] { done = true; });
  pipe_.close_reader();
  wait_for([&] { return done; });
  EXPECT_EQ(end_, Output::End::kReaderGone);
}

}  // namespace
}  // namespace wskit::cli
