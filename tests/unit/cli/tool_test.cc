#include "common/cli/tool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "common/cli/connect_options.h"
#include "common/cli/option_values.h"
#include "common/version.h"

namespace wskit::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

enum class Shape { kRound, kSquare };

struct ToolOptions {
  ConnectOptions connect;
  std::vector<std::string> names;
  Shape shape = Shape::kRound;
  std::chrono::nanoseconds wait = 5s;
  std::optional<std::uint64_t> count;
};

// A tool with an option of each kind, and what became of one run of it.
class ToolTest : public ::testing::Test {
 protected:
  ToolTest() {
    directory_ = std::filesystem::temp_directory_path() / ("wskit-tool-test-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_);
    for (const char* name : {"WSKIT_URL", "WSKIT_TOKEN", "WSKIT_TOKEN_FILE", "WSKIT_PROFILE", "WSKIT_WAIT"}) {
      unsetenv(name);
    }
    setenv("WSKIT_CONFIG", (directory_ / "none.toml").c_str(), 1);
    unsetenv("WSKIT_CONFIG");
    setenv("XDG_CONFIG_HOME", directory_.c_str(), 1);
    setenv("NO_COLOR", "1", 1);
  }
  ~ToolTest() override {
    std::filesystem::remove_all(directory_);
    for (const char* name :
         {"WSKIT_URL", "WSKIT_TOKEN", "WSKIT_WAIT", "WSKIT_CONFIG", "XDG_CONFIG_HOME", "NO_COLOR"}) {
      unsetenv(name);
    }
  }

  int run(
      std::vector<const char*> arguments, const std::function<Outcome()>& body = [] { return Outcome{}; }) {
    options_ = {};
    ran_ = false;
    Tool tool("mytool", "Does something. In two sentences.");
    define(tool);
    arguments.insert(arguments.begin(), "mytool");
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = tool.main(static_cast<int>(arguments.size()), arguments.data(), [&] {
      ran_ = true;
      return body();
    });
    out_ = ::testing::internal::GetCapturedStdout();
    error_ = ::testing::internal::GetCapturedStderr();
    return code;
  }

  void define(Tool& tool) {
    CLI::App& app = tool.app();
    add_texts(app, "CHANNEL", options_.names, "CHANNEL", "Names: of things; it's [several]")->group("Select");
    add_texts(app, "-c,--channel", options_.names, "CHANNEL", "The same")->group("Select");
    add_choice(app, "-s,--shape", options_.shape, {{"round", Shape::kRound}, {"square", Shape::kSquare}},
               "The shape")
        ->group("Select");
    add_duration(app, "-W,--wait", options_.wait, "How long")->group("Select")->envname("WSKIT_WAIT");
    add_count(app, "-n,--count", options_.count, "How many")->group("Select");
    add_connect_options(app, options_.connect);
    tool.add_example("mytool a", "Does a.");
    tool.add_section("Notes", "A note.\n.Not a request.");
  }

  void write_config(const std::string& text) {
    std::filesystem::create_directories(directory_ / "wskit");
    std::ofstream(directory_ / "wskit" / "config.toml") << text;
  }

  std::filesystem::path directory_;
  ToolOptions options_;
  bool ran_ = false;
  std::string out_;
  std::string error_;
};

// --- parsing -----------------------------------------------------------------

TEST_F(ToolTest, RunsWithWhatWasTyped) {
  EXPECT_EQ(run({"a", "-c", "b", "--shape", "square", "-W", "250ms", "-n", "2k", "c"}), 0);
  EXPECT_TRUE(ran_);
  EXPECT_EQ(std::set<std::string>(options_.names.begin(), options_.names.end()),
            (std::set<std::string>{"a", "b", "c"}));
  EXPECT_EQ(options_.shape, Shape::kSquare);
  EXPECT_EQ(options_.wait, 250ms);
  EXPECT_EQ(options_.count, 2000U);
  EXPECT_EQ(out_ + error_, "");
}

TEST_F(ToolTest, TakesTextsAsTheyAre) {
  EXPECT_EQ(run({"-c", "[a,b]", "-c", "{}", "-c[c]"}), 0);
  EXPECT_EQ(std::set<std::string>(options_.names.begin(), options_.names.end()),
            (std::set<std::string>{"[a,b]", "{}", "[c]"}));
}

TEST_F(ToolTest, SuggestsTheNearestOption) {
  EXPECT_EQ(run({"--shap", "round"}), 2);
  EXPECT_EQ(error_, "mytool: unknown option '--shap'; did you mean '--shape'?\n");
  EXPECT_EQ(run({"--colour=always"}), 2);
  EXPECT_EQ(error_, "mytool: unknown option '--colour'; did you mean '--color'?\n");
  EXPECT_EQ(run({"--completely-different"}), 2);
  EXPECT_EQ(error_, "mytool: unknown option '--completely-different'; 'mytool --help' lists them\n");
  EXPECT_FALSE(ran_);
}

TEST_F(ToolTest, SaysWhatIsWrongWithAValue) {
  EXPECT_EQ(run({"-W", "5x"}), 2);
  EXPECT_EQ(error_, "mytool: --wait: '5x' is not a duration; write it as 250ms, 5s, 2m or 1h30m\n");
  EXPECT_EQ(run({"--shape", "oval"}), 2);
  EXPECT_EQ(error_, "mytool: --shape: 'oval' is not one of round|square\n");
  EXPECT_EQ(run({"--shape"}), 2);
  EXPECT_EQ(error_, "mytool: --shape needs a value\n");
  setenv("WSKIT_WAIT", "soon", 1);
  EXPECT_EQ(run({}), 2);
  EXPECT_THAT(error_, HasSubstr("--wait: 'soon'"));
}

// --- the end -----------------------------------------------------------------

TEST_F(ToolTest, EndsWithTheCodeOfTheRun) {
  EXPECT_EQ(run({}, [] { return Outcome{.code = ExitCode::kTimedOut}; }), 5);
}

TEST_F(ToolTest, TurnsWhatEscapesIntoOneLineAndACode) {
  EXPECT_EQ(run({}, []() -> Outcome { throw UsageError("these do not go together"); }), 2);
  EXPECT_EQ(error_, "mytool: these do not go together\n");
  EXPECT_EQ(run({}, []() -> Outcome { throw std::logic_error("oops"); }), 70);
  EXPECT_EQ(error_, "mytool: a bug: oops\n");
}

TEST_F(ToolTest, EndsByTheSignalThatStoppedIt) {
  EXPECT_EXIT(
      {
        Tool tool("mytool", "Does something.");
        const char* arguments[] = {"mytool"};
        std::exit(tool.main(1, arguments, [] { return Outcome{.signal = SIGINT}; }));
      },
      ::testing::KilledBySignal(SIGINT), "");
}

TEST_F(ToolTest, IgnoresABrokenPipeWhileItRuns) {
  EXPECT_EQ(run({},
                [] {
                  struct sigaction action {};
                  sigaction(SIGPIPE, nullptr, &action);
                  return Outcome{.code = action.sa_handler == SIG_IGN ? ExitCode::kOk : ExitCode::kNo};
                }),
            0);
}

// --- help --------------------------------------------------------------------

// Every `--name` in a text.
std::set<std::string> long_options(const std::string& text) {
  std::set<std::string> names;
  for (std::size_t at = text.find("--"); at != std::string::npos; at = text.find("--", at + 2)) {
    const std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at);
    names.insert(text.substr(at, end - at));
  }
  names.erase("--");
  return names;
}

std::string replace_all(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

TEST_F(ToolTest, ShortHelpHasTheExamples) {
  EXPECT_EQ(run({"-h"}), 0);
  EXPECT_THAT(out_, HasSubstr("Usage: mytool [OPTIONS] [CHANNEL]..."));
  EXPECT_THAT(out_, HasSubstr("  mytool a\n      Does a.\n"));
  EXPECT_THAT(out_, Not(HasSubstr("--shape")));
  EXPECT_FALSE(ran_);
}

TEST_F(ToolTest, LongHelpHasEachOptionWithDefaultAndEnvironment) {
  EXPECT_EQ(run({"--help"}), 0);
  EXPECT_THAT(out_, HasSubstr("Select:\n  CHANNEL...  "));
  EXPECT_THAT(out_, HasSubstr("How long [default: 5s] [env: WSKIT_WAIT]"));
  EXPECT_THAT(out_, HasSubstr("--reconnect, --no-reconnect"));
  EXPECT_THAT(out_, HasSubstr("[default: 1s..1m]"));
  EXPECT_THAT(out_, HasSubstr("Exit codes:"));
  EXPECT_THAT(out_, Not(HasSubstr("\x1b")));
}

TEST_F(ToolTest, VersionIsOneLine) {
  EXPECT_EQ(run({"--version"}), 0);
  EXPECT_EQ(out_, "mytool " WSKIT_VERSION "\n");
}

TEST_F(ToolTest, ManualPageAndCompletionsHaveEveryOptionOfTheHelp) {
  EXPECT_EQ(run({"--help"}), 0);
  const std::set<std::string> offered = long_options(out_);
  EXPECT_GT(offered.size(), 20U);
  for (const char* what : {"man", "complete-bash", "complete-zsh", "complete-fish"}) {
    EXPECT_EQ(run({"--generate", what}), 0);
    std::string text = out_;
    if (std::string(what) == "man") text = replace_all(text, "\\-", "-");
    if (std::string(what) == "complete-fish") text = replace_all(text, " -l ", " --");
    const std::set<std::string> generated = long_options(text);
    for (const std::string& option : offered)
      EXPECT_TRUE(generated.contains(option)) << what << " " << option;
  }
  EXPECT_EQ(run({"--generate", "poem"}), 2);
}

TEST_F(ToolTest, TheManualPageEscapesWhatRoffWouldObey) {
  EXPECT_EQ(run({"--generate", "man"}), 0);
  EXPECT_TRUE(out_.starts_with(".TH MYTOOL 1 ")) << out_;
  EXPECT_THAT(out_, HasSubstr("mytool \\- Does something\n"));
  EXPECT_THAT(out_, HasSubstr(".SH NOTES\nA note.\n\\&.Not a request.\n"));
}

TEST_F(ToolTest, SubcommandsHaveTheirOwnHelp) {
  Tool tool("mytool", "Does something.");
  CLI::App& sub = *tool.app().add_subcommand("fanout", "Spreads.");
  std::uint64_t size = 64;
  add_size(sub, "--size", size, "How large")->group("Load");
  tool.add_example(sub, "mytool fanout --size 1k", "Spreads more.");
  for (const auto& [flag, expected] :
       {std::pair{"-h", "mytool fanout --size 1k"}, std::pair{"--help", "[default: 64B]"}}) {
    const char* arguments[] = {"mytool", "fanout", flag};
    ::testing::internal::CaptureStdout();
    EXPECT_EQ(tool.main(3, arguments, [] { return Outcome{}; }), 0);
    const std::string text = ::testing::internal::GetCapturedStdout();
    EXPECT_THAT(text, HasSubstr("Usage: mytool fanout [OPTIONS]"));
    EXPECT_THAT(text, HasSubstr(expected));
  }
}

// --- configuration -----------------------------------------------------------

TEST_F(ToolTest, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  EXPECT_EQ(run({}), 0);
  EXPECT_EQ(options_.wait, 5s);
  write_config("[default]\nwait = \"6s\"\n");
  EXPECT_EQ(run({}), 0);
  EXPECT_EQ(options_.wait, 6s);
  setenv("WSKIT_WAIT", "7s", 1);
  EXPECT_EQ(run({}), 0);
  EXPECT_EQ(options_.wait, 7s);
  EXPECT_EQ(run({"-W", "8s"}), 0);
  EXPECT_EQ(options_.wait, 8s);
}

TEST_F(ToolTest, TheToolsSectionBeatsTheDefaultAndTheProfileBoth) {
  write_config(
      "[default]\nwait = \"1s\"\ncount = 1\n[mytool]\nwait = \"2s\"\n[wspub]\nwait = \"9s\"\n"
      "[profile.lab]\nwait = \"3s\"\n");
  EXPECT_EQ(run({}), 0);
  EXPECT_EQ(options_.wait, 2s);
  EXPECT_EQ(options_.count, 1U);
  EXPECT_EQ(run({"--profile", "lab"}), 0);
  EXPECT_EQ(options_.wait, 3s);
}

TEST_F(ToolTest, TheFileTakesListsFlagsAndNumbers) {
  write_config("[mytool]\nchannel = [\"a\", \"b\"]\nreconnect = false\ncount = 12\nshape = \"square\"\n");
  EXPECT_EQ(run({}), 0);
  EXPECT_EQ(options_.names, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(options_.connect.reconnect);
  EXPECT_EQ(options_.count, 12U);
  EXPECT_EQ(options_.shape, Shape::kSquare);
  EXPECT_EQ(run({"c"}), 0);
  EXPECT_EQ(options_.names, std::vector<std::string>{"c"});
  EXPECT_EQ(run({"-c", "d"}), 0);
  EXPECT_EQ(options_.names, std::vector<std::string>{"d"});
}

TEST_F(ToolTest, AFaultInTheFileIsNamedWithItsPlace) {
  write_config("[mytool]\nshap = 1\n");
  EXPECT_EQ(run({}), 2);
  EXPECT_THAT(error_, HasSubstr("config.toml:2:1: unknown key 'shap' in [mytool]; did you mean 'shape'?"));
  write_config("[default]\nwhatever = 1\n[mytool]\nwait = \"x\"\n");
  EXPECT_EQ(run({}), 2);
  EXPECT_THAT(error_, HasSubstr("config.toml:4:8: wait: 'x' is not a duration"));
  write_config("[mytool\n");
  EXPECT_EQ(run({}), 2);
  EXPECT_THAT(error_, HasSubstr("config.toml:1:8: "));
  write_config("");
  EXPECT_EQ(run({"--profile", "prod"}), 2);
  EXPECT_THAT(error_, HasSubstr("has no [profile.prod]"));
  setenv("WSKIT_CONFIG", "/does/not/exist.toml", 1);
  EXPECT_EQ(run({}), 2);
  EXPECT_THAT(error_, HasSubstr("cannot read /does/not/exist.toml: No such file"));
}

// F7: a folder can be opened, and would be taken for an empty configuration.
TEST_F(ToolTest, AFolderIsNoConfigurationFile) {
  setenv("WSKIT_CONFIG", directory_.c_str(), 1);
  EXPECT_EQ(run({}), 2);
  EXPECT_EQ(error_, "mytool: cannot read " + directory_.string() + ": Is a directory\n");
}

// S6: an alias or a script may have given the option before.
TEST_F(ToolTest, OfAnOptionThatIsGivenTwiceTheLastValueHolds) {
  EXPECT_EQ(run({"-u", "ws://a", "-n", "1", "--wait", "1s", "-s", "square", "-u", "ws://b", "-n", "2", "-W",
                 "2s", "--shape", "round"}),
            0)
      << error_;
  EXPECT_EQ(options_.connect.url, "ws://b");
  EXPECT_EQ(options_.count, 2U);
  EXPECT_EQ(options_.wait, 2s);
  EXPECT_EQ(options_.shape, Shape::kRound);
  EXPECT_EQ(run({"--no-reconnect", "--reconnect", "--compress", "--compress"}), 0) << error_;
  EXPECT_TRUE(options_.connect.reconnect);
  EXPECT_EQ(run({"-n", "1", "-n", "x"}), 2);
  EXPECT_THAT(error_, HasSubstr("'x' is not a count"));
}

// S7: nothing in a file is passed over in silence.
TEST_F(ToolTest, RefusesWhatStandsInNoSectionOfAFileForAllTools) {
  write_config("wait = \"3s\"\n[mytol]\ncount = 3\n[wstap]\noutput = \"json\"\n");
  EXPECT_EQ(run({}), 2);
  EXPECT_THAT(error_, HasSubstr("config.toml:1:1: 'wait' stands in no section: write it under [mytool]"));
  EXPECT_THAT(error_, HasSubstr("config.toml:2:2: unknown section [mytol]; did you mean [mytool]?"));
}

TEST_F(ToolTest, PrintConfigNamesTheOriginOfEachValueAndNoSecret) {
  write_config("[mytool]\ncount = 3\n");
  setenv("WSKIT_URL", "ws://h", 1);
  EXPECT_EQ(run({"-W", "8s", "--token", "secret", "-H", "X-Key: secret", "-c", "a", "--print-config"}), 0);
  EXPECT_THAT(out_, HasSubstr("wait = \"8s\"  # command line\n"));
  EXPECT_THAT(out_, HasSubstr("url = \"ws://h\"  # environment WSKIT_URL\n"));
  EXPECT_THAT(out_,
              HasSubstr("count = 3  # " + (directory_ / "wskit" / "config.toml").string() + ":2 [mytool]\n"));
  EXPECT_THAT(out_, HasSubstr("\n# shape = \"round\"  # default\n"));
  EXPECT_THAT(out_, HasSubstr("channel = [\"a\"]  # command line\n"));
  EXPECT_THAT(out_, HasSubstr("\n# reconnect = true  # default\n"));
  EXPECT_THAT(out_, HasSubstr("# retries is not set\n"));
  EXPECT_THAT(out_, HasSubstr("\n# header = [\"X-Key: (not shown)\"]"));
  EXPECT_THAT(out_, Not(HasSubstr("secret")));
  EXPECT_FALSE(ran_);
}

// U5: and what only a command line can say (a positional, bytes that are no UTF-8) is
// there too, or in a comment.
TEST_F(ToolTest, WhatPrintConfigPrintsIsTakenBack) {
  EXPECT_EQ(run({"b",          "-c",
                 "a",          "-W",
                 "8s",         "-n",
                 "7",          "--no-reconnect",
                 "--cacert",   "007",
                 "--cert",     "a\x7f\"\\\n",
                 "--key-file", "\xff",
                 "--token",    "secret",
                 "-H",         "X-Key: secret",
                 "-vv",        "--print-config"}),
            0);
  write_config(out_);
  const std::string first = out_;
  EXPECT_EQ(run({}), 0) << error_;
  EXPECT_EQ(options_.names, (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(options_.wait, 8s);
  EXPECT_EQ(options_.count, 7U);
  EXPECT_FALSE(options_.connect.reconnect);
  EXPECT_EQ(options_.connect.tls.ca_file, "007");
  EXPECT_EQ(options_.connect.tls.cert_file, "a\x7f\"\\\n");
  EXPECT_EQ(options_.connect.tls.key_file, "");
  EXPECT_EQ(options_.connect.token, "");
  EXPECT_THAT(options_.connect.headers, ::testing::IsEmpty());
  EXPECT_EQ(run({"--print-config"}), 0);
  const auto without_origins = [](const std::string& text) {
    std::set<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
      if (!line.starts_with('#')) lines.insert(line.substr(0, line.find("  # ")));
    }
    return lines;
  };
  EXPECT_EQ(without_origins(out_), without_origins(first));
}

}  // namespace
}  // namespace wskit::cli
