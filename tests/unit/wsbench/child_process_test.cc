#include "wsbench/child_process.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <stdexcept>
#include <system_error>

#include "wsbench/process_meter.h"

namespace wskit::bench {
namespace {

using Words = std::vector<std::string>;

TEST(SplitCommandTest, SplitsAsAShellDoes) {
  EXPECT_EQ(split_command("wsserve --listen :0"), (Words{"wsserve", "--listen", ":0"}));
  EXPECT_EQ(split_command("  a\t b\n"), (Words{"a", "b"}));
  EXPECT_EQ(split_command(R"('a b' "c d" e\ f)"), (Words{"a b", "c d", "e f"}));
  EXPECT_EQ(split_command(R"(x'y'"z" '' "\"")"), (Words{"xyz", "", "\""}));
  EXPECT_EQ(split_command(R"('a\b' "a'b")"), (Words{"a\\b", "a'b"}));
  EXPECT_EQ(split_command(""), Words{});
}

TEST(SplitCommandTest, AnOpenQuoteIsAnError) {
  EXPECT_THROW((void)split_command("echo 'a"), std::invalid_argument);
  EXPECT_THROW((void)split_command("echo \"a"), std::invalid_argument);
}

TEST(ChildProcessTest, ReadsTheFirstLineAndStopsWhatStillRuns) {
  ChildProcess child({"sh", "-c", "echo ws://127.0.0.1:5; exec sleep 1000"}, {});
  EXPECT_EQ(child.first_line(10 * kSecond), "ws://127.0.0.1:5");
  const pid_t pid = child.pid();
  EXPECT_TRUE(child.running());
  EXPECT_TRUE(process_cpu(pid));
  EXPECT_TRUE(process_memory(pid));
  child.stop();
  EXPECT_FALSE(child.running());
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST(ChildProcessTest, TheWaitForAFirstLineCanBeEnded) {
  ChildProcess child({"sleep", "1000"}, {});
  EXPECT_EQ(child.first_line(1000 * kSecond, [] { return false; }), std::nullopt);
}

TEST(ChildProcessTest, KillsOneThatDoesNotMindSigterm) {
  ChildProcess child({"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done"}, {});
  EXPECT_EQ(child.first_line(10 * kSecond), "ready");
  child.stop(50 * kMillisecond);
  EXPECT_FALSE(child.running());
}

TEST(ChildProcessTest, ACommandThatDoesNotExistIsNamed) {
  try {
    ChildProcess child({"no-such-command-here"}, {});
    FAIL() << "it started";
  } catch (const std::system_error& error) {
    EXPECT_NE(std::string(error.what()).find("no-such-command-here"), std::string::npos);
  }
}

TEST(ChildProcessTest, OneThatEndsWithoutALineIsReportedWithWhatItSaid) {
  ChildProcess child({"sh", "-c", "echo the port is taken >&2; exit 8"}, {});
  try {
    (void)child.first_line(10 * kSecond);
    FAIL() << "it printed a line";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("the port is taken"), std::string::npos) << error.what();
  }
}

TEST(ChildProcessTest, OneThatSaysNothingIsGivenUp) {
  ChildProcess child({"sleep", "1000"}, {});
  EXPECT_THROW((void)child.first_line(10 * kMillisecond), std::runtime_error);
}

TEST(ChildProcessTest, RunsOnTheCpusItIsGiven) {
  ChildProcess child({"sh", "-c", "grep Cpus_allowed_list /proc/self/status"}, {0});
  EXPECT_EQ(child.first_line(10 * kSecond), "Cpus_allowed_list:\t0");
}

}  // namespace
}  // namespace wskit::bench
