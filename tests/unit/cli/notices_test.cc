#include "common/cli/notices.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "pipe_pair.h"

namespace wskit::cli {
namespace {

class NoticesTest : public ::testing::Test {
 protected:
  std::string said() { return pipe_.read_now(); }

  testing::Pipe pipe_;
  Notices notices_{"tool", pipe_.writer()};
};

TEST_F(NoticesTest, AreOneLineEachUnderTheToolsName) {
  notices_.notice("connected to {} ({} channels)", "ws://h", 2);
  notices_.error("no");
  notices_.warning("hm");
  EXPECT_EQ(said(), "tool: connected to ws://h (2 channels)\ntool: no\ntool: hm\n");
}

TEST_F(NoticesTest, StayOneLineWhateverAServerSays) {
  notices_.error("{}", "a\nb\x1b[31mc\x7f\xc2\x9b");
  EXPECT_EQ(said(), "tool: a b [31mc  \n");
}

TEST_F(NoticesTest, QuietSilencesNoticesAndTwiceErrorsToo) {
  notices_.configure({.quiet = 1});
  notices_.notice("n");
  notices_.warning("w");
  notices_.error("e");
  EXPECT_EQ(said(), "tool: w\ntool: e\n");
  notices_.configure({.quiet = 2});
  notices_.notice("n");
  notices_.warning("w");
  notices_.error("e");
  EXPECT_EQ(said(), "");
  notices_.answer("asked for");
  EXPECT_EQ(said(), "tool: asked for\n");
}

TEST_F(NoticesTest, LogLinesComeWithVerbosity) {
  notices_.info("i");
  EXPECT_EQ(said(), "");
  notices_.configure({.verbose = 1});
  notices_.info("i");
  notices_.debug("d");
  const std::string line = said();
  EXPECT_TRUE(line.ends_with(" info tool: i\n")) << line;
  EXPECT_EQ(line.find('d'), std::string::npos) << line;
  notices_.configure({.verbose = 2});
  notices_.debug("d");
  EXPECT_TRUE(said().ends_with(" debug tool: d\n"));
}

TEST_F(NoticesTest, AreJsonLinesWhenAsked) {
  notices_.configure({.format = LogFormat::kJson});
  notices_.error("a \"quoted\" \\ thing \xff");
  const auto line = nlohmann::json::parse(said());
  EXPECT_EQ(line["level"], "error");
  EXPECT_EQ(line["tool"], "tool");
  EXPECT_EQ(line["message"], "a \"quoted\" \\ thing \xef\xbf\xbd");
  EXPECT_TRUE(line["time"].get<std::string>().ends_with("Z"));
}

TEST_F(NoticesTest, ColourAPipeOnlyWhenForced) {
  notices_.error("e");
  EXPECT_EQ(said().find('\x1b'), std::string::npos);
  notices_.configure({.color = ColorMode::kAlways});
  notices_.error("e");
  EXPECT_EQ(said(), "\x1b[1;31mtool:\x1b[0m e\n");
}

TEST_F(NoticesTest, HaveNoLiveLineOnAPipe) {
  EXPECT_FALSE(notices_.shows_status());
  notices_.set_status("50 %");
  EXPECT_EQ(said(), "");
}

// What has come out of a terminal, which takes its time to hand it on.
std::string read_from(int controller, std::size_t size) {
  std::string text;
  pollfd ready{.fd = controller, .events = POLLIN, .revents = 0};
  while (text.size() < size && poll(&ready, 1, 10'000) > 0) {
    char buffer[1000];
    const ssize_t count = read(controller, buffer, sizeof(buffer));
    if (count <= 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return text;
}

TEST(NoticesOnATerminal, KeepTheLiveLineBelowThem) {
  int controller = -1;
  int terminal = -1;
  ASSERT_EQ(openpty(&controller, &terminal, nullptr, nullptr, nullptr), 0);
  setenv("TERM", "xterm", 1);
  setenv("NO_COLOR", "1", 1);
  {
    Notices notices("tool", terminal);
    ASSERT_TRUE(notices.shows_status());
    notices.set_status("10 %");
    notices.notice("hello");
    notices.set_status("9 %");
    notices.set_status("");
  }
  const std::string expected = "\r10 %\r\r    \rtool: hello\r\n\r10 %\r\r9 % \r\r   \r";
  EXPECT_EQ(read_from(controller, expected.size()), expected);
  setenv("TERM", "dumb", 1);
  EXPECT_FALSE(Notices("tool", terminal).shows_status());
  unsetenv("NO_COLOR");
  unsetenv("TERM");
  close(controller);
  close(terminal);
}

}  // namespace
}  // namespace wskit::cli
