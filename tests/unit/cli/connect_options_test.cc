#include "common/cli/connect_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/App.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace wskit::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

class ConnectOptionsTest : public ::testing::Test {
 protected:
  ConnectOptionsTest() {
    file_ = std::filesystem::temp_directory_path() / ("wskit-token-test-" + std::to_string(getpid()));
  }
  ~ConnectOptionsTest() override {
    std::filesystem::remove(file_);
    unsetenv("WSKIT_TOKEN");
    unsetenv("WSKIT_TOKEN_FILE");
  }

  // Parses a command line and gives what it comes to.
  client::ClientOptions parse(const std::string& line) {
    const auto options = try_parse(line);
    EXPECT_TRUE(options) << (options ? "" : options.error().message);
    return options ? *options : client::ClientOptions{};
  }
  std::string error_of(const std::string& line) {
    const auto options = try_parse(line);
    EXPECT_FALSE(options) << line;
    return options ? "" : options.error().message;
  }
  ValueResult<client::ClientOptions> try_parse(const std::string& line) {
    CLI::App app;
    ConnectOptions typed;
    add_connect_options(app, typed);
    app.parse(line);
    return client_options(typed);
  }

  void write_token(const std::string& text) { std::ofstream(file_) << text; }

  std::filesystem::path file_;
};

// F15: nothing would ever be reached, or everything asked without a pause.
TEST_F(ConnectOptionsTest, TimesThatMustPassAreNotZero) {
  EXPECT_THAT(error_of("--connect-timeout 0"), HasSubstr("--connect-timeout must be greater than 0"));
  EXPECT_THAT(error_of("--backoff 0..0"), HasSubstr("--backoff: the second limit must be greater than 0"));
}

TEST_F(ConnectOptionsTest, ReachTheLocalServerByDefault) {
  const client::ClientOptions options = parse("");
  EXPECT_EQ(options.url.display(), "ws://127.0.0.1:9000/ws");
  EXPECT_TRUE(options.headers.empty());
  EXPECT_TRUE(options.reconnect.enabled);
  EXPECT_FALSE(options.reconnect.initial);
  EXPECT_EQ(options.reconnect.backoff.first, 1s);
  EXPECT_EQ(options.reconnect.backoff.cap, 60s);
  EXPECT_FALSE(options.reconnect.retries);
}

TEST_F(ConnectOptionsTest, SayHowToComeBack) {
  const client::ClientOptions options =
      parse("--no-reconnect --initial-retry --backoff 10ms..2s --retries 3 --retry-max-time 1m");
  EXPECT_FALSE(options.reconnect.enabled);
  EXPECT_TRUE(options.reconnect.initial);
  EXPECT_EQ(options.reconnect.backoff.first, 10ms);
  EXPECT_EQ(options.reconnect.backoff.cap, 2s);
  EXPECT_EQ(options.reconnect.retries, 3U);
  EXPECT_EQ(options.reconnect.max_time, 60s);
}

TEST_F(ConnectOptionsTest, SendHeadersAsTheyAreWritten) {
  const client::ClientOptions options = parse("-H 'X-A:  b c ' -H 'X-D: e'");
  using Headers = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(options.headers, (Headers{{"X-A", "b c"}, {"X-D", "e"}}));
  EXPECT_THAT(error_of("-H nonsense"), HasSubstr("'Name: value'"));
  EXPECT_THAT(error_of("-H 'Bad Name: x'"), HasSubstr("'Name: value'"));
}

TEST_F(ConnectOptionsTest, NeverLetAHeaderSmuggleAnother) {
  ConnectOptions options;
  options.headers = {"X-A: b\r\nX-Evil: c"};
  EXPECT_FALSE(client_options(options));
  options.headers.clear();
  options.token = "a\nb";
  const auto result = client_options(options);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, Not(HasSubstr("a\nb")));
}

TEST_F(ConnectOptionsTest, TakeTheTokenFromTheStrongestPlace) {
  write_token("from-file\n");
  const std::string by_file = "--token-file " + file_.string();
  EXPECT_EQ(parse("--token typed").token, "typed");
  EXPECT_EQ(parse(by_file).token, "from-file");
  setenv("WSKIT_TOKEN", "from-environment", 1);
  EXPECT_EQ(parse("").token, "from-environment");
  EXPECT_EQ(parse("--token typed").token, "typed");
  EXPECT_EQ(parse(by_file).token, "from-file");
  unsetenv("WSKIT_TOKEN");
  setenv("WSKIT_TOKEN_FILE", file_.c_str(), 1);
  EXPECT_EQ(parse("").token, "from-file");
  EXPECT_EQ(parse("--token typed").token, "typed");
}

TEST_F(ConnectOptionsTest, RememberAFileInWhichANewerTokenMayBeFound) {
  write_token("one");
  EXPECT_EQ(parse("--token-file " + file_.string()).token_file, file_.string());
  EXPECT_EQ(parse("--token typed --token-file " + file_.string()).token_file, "");
  EXPECT_EQ(parse("--token typed").token_file, "");
}

TEST_F(ConnectOptionsTest, SendNoTwoAuthorizations) {
  EXPECT_THAT(error_of("--token typed -H 'authorization: Basic eDp5'"), HasSubstr("the one or the other"));
  EXPECT_EQ(parse("-H 'Authorization: Basic eDp5'").headers.size(), 1U);
}

TEST_F(ConnectOptionsTest, NameATokenFileThatIsOfNoUse) {
  EXPECT_THAT(error_of("--token-file /does/not/exist"), HasSubstr("cannot read /does/not/exist"));
  write_token(" \n");
  EXPECT_THAT(error_of("--token-file " + file_.string()), HasSubstr("holds no token"));
  write_token("one\ntwo\n");
  const std::string message = error_of("--token-file " + file_.string());
  EXPECT_THAT(message, HasSubstr("one token and nothing else"));
}

TEST_F(ConnectOptionsTest, SayWhatIsWrongWithTheUrlAndTheCertificates) {
  EXPECT_THAT(error_of("-u ftp://h"), HasSubstr("--url: "));
  EXPECT_THAT(error_of("--cacert /does/not/exist"), HasSubstr("--cacert: "));
  EXPECT_THAT(error_of("--cert /does/not/exist"), HasSubstr("--cert: "));
  EXPECT_THAT(error_of("--key-file /does/not/exist"), HasSubstr("--key-file: name its certificate too"));
}

}  // namespace
}  // namespace wskit::cli
