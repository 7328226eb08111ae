// A tool with a configuration file of its own.
#include "common/cli/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/App.hpp>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "common/cli/member_option.h"
#include "common/cli/option_values.h"

namespace wskit::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

struct Rule {
  std::string pattern;
  std::optional<std::uint64_t> history;
  std::map<std::string, std::string> members;
  std::string when;
};

struct Values {
  std::vector<std::string> listen{"default"};
  std::uint64_t history = 7;
  std::chrono::nanoseconds heartbeat = 30s;
  bool echo = false;
  int quiet = 0;
  std::string store;
  std::deque<Rule> rules;
};

// One file, read for one command line.
class ConfigFileTest : public ::testing::Test {
 protected:
  ConfigFileTest()
      : path_(std::filesystem::temp_directory_path() /
              ("wskit-config-test-" + std::to_string(getpid()) + ".toml")) {}
  ~ConfigFileTest() override { std::filesystem::remove(path_); }

  static void define(CLI::App& app, Values& values) {
    app.add_option("--listen", values.listen)->type_name("ADDRESS")->group("Network")->check([](auto& text) {
      return text == "bad" ? std::string("cannot listen there") : std::string();
    });
    add_count(app, "--history", values.history, "")->group("Channels");
    add_duration(app, "--heartbeat", values.heartbeat, "")->group("Limits");
    app.add_flag("--echo", values.echo)->group("Running");
    app.add_flag("-q,--quiet", values.quiet)->group("Running");
    add_text(app, "--store", values.store, "FILE", "")->group("Channels");
  }

  // The errors, without the file's path.
  std::vector<std::string> read(const std::string& text, std::vector<std::string> arguments = {}) {
    std::ofstream(path_) << text;
    values_ = {};
    app_ = std::make_unique<CLI::App>("", "mytool");
    define(*app_, values_);
    std::ranges::reverse(arguments);
    app_->parse(arguments);
    const auto define_rule = [this](CLI::App& table) {
      Rule& rule = values_.rules.emplace_back();
      add_text(table, "--pattern", rule.pattern, "PATTERN", "")->required();
      add_count(table, "--history", rule.history, "");
      add_members(
          table, "--when",
          [&rule](const std::string& name, const nlohmann::json& value) {
            rule.members[name] = value.dump();
            rule.when.clear();
            for (const auto& [each, json] : rule.members) rule.when += each + ":" + json + " ";
            return name == "bad" ? "bad is bad" : "";
          },
          "");
    };
    configuration_ = apply_config(*app_, {.own_file = path_, .profile = {}}, {{"rule", define_rule}});
    std::vector<std::string> errors;
    for (const ConfigError& error : configuration_.errors) {
      const std::string line = error.text();
      const std::string place = path_.string() + ":";
      errors.push_back(line.starts_with(place) ? line.substr(place.size()) : line);
    }
    return errors;
  }

  std::filesystem::path path_;
  Values values_;
  std::unique_ptr<CLI::App> app_;
  Configuration configuration_;
};

TEST_F(ConfigFileTest, TakesOptionsAtTheTopAndInTheTablesOfTheirGroups) {
  EXPECT_THAT(
      read("history = 3\nlisten = [\"a\", \"b\"]\n[limits]\nheartbeat = \"5s\"\n[running]\necho = true\n"),
      IsEmpty());
  EXPECT_EQ(values_.history, 3U);
  EXPECT_THAT(values_.listen, ElementsAre("a", "b"));
  EXPECT_EQ(values_.heartbeat, 5s);
  EXPECT_TRUE(values_.echo);
  EXPECT_THAT(read("limits.heartbeat = 0.5\nquiet = 2\n"), IsEmpty());
  EXPECT_EQ(values_.heartbeat, 500ms);
  EXPECT_EQ(values_.quiet, 2);
}

TEST_F(ConfigFileTest, TheCommandLineBeatsTheFile) {
  EXPECT_THAT(read("history = 3\nlisten = \"file\"\n", {"--history", "4", "--listen", "typed"}), IsEmpty());
  EXPECT_EQ(values_.history, 4U);
  EXPECT_THAT(values_.listen, ElementsAre("typed"));
}

TEST_F(ConfigFileTest, SaysEverythingThatIsWrongFromTheTopOfTheFile) {
  EXPECT_THAT(
      read("zzzzzzzzz = 1\n"
           "heartbeet = 1\n"
           "heartbeat = \"soon\"\n"
           "listen = [\"good\", \"bad\"]\n"
           "[running]\n"
           "  echo = \"yes\"\n"
           "  quiet = 1.5\n"
           "[channels]\n"
           "history = true\n"
           "store = 5\n"),
      ElementsAre(
          "1:1: unknown key 'zzzzzzzzz'; there are listen, history, heartbeat, echo, quiet, store, rule",
          "2:1: unknown key 'heartbeet'; did you mean 'heartbeat'?",
          "3:13: heartbeat: 'soon' is not a duration; write it as 250ms, 5s, 2m or 1h30m",
          "4:10: listen: cannot listen there", "6:10: echo: must be true or false, not a string",
          "7:11: quiet: must be true, false or a whole number, not a number",
          "9:11: history: must be a string or a number, not a truth value",
          "10:9: store: must be a string, not a number"));
}

TEST_F(ConfigFileTest, RefusesWhatStandsInTheWrongPlace) {
  EXPECT_THAT(read("[limits]\nhistory = 3\n"),
              ElementsAre("2:1: 'history' belongs to [channels], or outside of all tables, not to [limits]"));
  EXPECT_THAT(read("history = 3\n[channels]\nhistory = 4\n"),
              ElementsAre(HasSubstr("'history' is set twice")));
  EXPECT_THAT(read("[limit]\nheartbeat = 3\n"), ElementsAre(HasSubstr("1:2: unknown key 'limit'")));
  EXPECT_THAT(read("[history]\na = 3\n"),
              ElementsAre("1:1: history: must be a string or a number, not a table"));
  EXPECT_THAT(read("heartbeat = [1, 2]\n"),
              ElementsAre("1:13: heartbeat: must be a string or a number, not a list"));
  EXPECT_THAT(read("heartbeat = 2020-01-01\n"), ElementsAre(HasSubstr("not a date or time")));
}

TEST_F(ConfigFileTest, AValueThatIsOverriddenMustBeRightToo) {
  EXPECT_THAT(read("heartbeat = \"soon\"\nlisten = \"bad\"\n", {"--heartbeat", "4s", "--listen", "a"}),
              ElementsAre(HasSubstr("1:13: heartbeat: 'soon'"), "2:10: listen: cannot listen there"));
  EXPECT_THAT(read("heartbeat = \"3s\"\n", {"--heartbeat", "4s"}), IsEmpty());
  EXPECT_EQ(values_.heartbeat, 4s);
}

TEST_F(ConfigFileTest, ReadsTablesInTheirOrder) {
  EXPECT_THAT(read("[[rule]]\npattern = \"b\"\nhistory = 2\n[[rule]]\npattern = \"a\"\n"), IsEmpty());
  ASSERT_EQ(values_.rules.size(), 2U);
  EXPECT_EQ(values_.rules[0].pattern, "b");
  EXPECT_EQ(values_.rules[0].history, 2U);
  EXPECT_EQ(values_.rules[1].pattern, "a");
  EXPECT_EQ(values_.rules[1].history, std::nullopt);
}

// U22: a missing key was told of as "needs a pattern", and "needs a channels".
TEST_F(ConfigFileTest, SaysWhatIsWrongInTables) {
  EXPECT_THAT(read("[[rule]]\nhistroy = 2\n[[rule]]\npattern = \"a\"\nhistory = \"x\"\n"),
              ElementsAre("1:1: [[rule]] needs the key 'pattern'",
                          "2:1: unknown key 'histroy' in [[rule]]; did you mean 'history'?",
                          HasSubstr("5:11: history: 'x' is not a count")));
  EXPECT_THAT(read("[rule]\npattern = \"a\"\n"),
              ElementsAre("1:2: 'rule' is for tables: write [[rule]], once for each"));
}

TEST_F(ConfigFileTest, ReadsAnInlineTableMemberByMember) {
  EXPECT_THAT(read("[[rule]]\npattern = \"a\"\nwhen = { b = [1, \"x\"], \"/a\" = true, c = { d = 1.5 } }\n"),
              IsEmpty());
  EXPECT_EQ(values_.rules.at(0).when, R"(/a:true b:[1,"x"] c:{"d":1.5} )");
  EXPECT_THAT(print_config(*app_, configuration_),
              HasSubstr(R"(when = { "/a" = true, "b" = [1, "x"], "c" = { "d" = 1.5 } }  # )"));
}

TEST_F(ConfigFileTest, SaysWhichMemberOfAnInlineTableIsWrong) {
  EXPECT_THAT(read("[[rule]]\npattern = \"a\"\nwhen = { a = 1, bad = 2, c = 2020-01-01 }\n"),
              ElementsAre("3:17: when: bad is bad",
                          "3:30: when.c: dates and times are not taken here; write a string"));
  EXPECT_THAT(read("[[rule]]\npattern = \"a\"\nwhen = 5\n"),
              ElementsAre("3:8: when: must be a table, { name = value }, not a number"));
}

TEST_F(ConfigFileTest, SaysWhereTheFileIsNoToml) {
  EXPECT_THAT(read("history = 3\nheartbeat =\n"), ElementsAre(testing::StartsWith("2:")));
  EXPECT_THAT(read("history = 3\nhistory = 4\n"), ElementsAre(testing::StartsWith("2:")));
}

TEST_F(ConfigFileTest, PrintsEachValueWithItsOriginAndTheTables) {
  EXPECT_THAT(read("history = 3\n[[rule]]\npattern = \"a\"\n", {"--echo"}), IsEmpty());
  const std::string text = print_config(*app_, configuration_);
  EXPECT_THAT(text, HasSubstr("history = 3  # " + path_.string() + ":1\n"));
  EXPECT_THAT(text, HasSubstr("echo = true  # command line\n"));
  EXPECT_THAT(text, HasSubstr("\n[[rule]]  # " + path_.string() + ":2\npattern = \"a\"  # " + path_.string() +
                              ":3\n"));
}

TEST_F(ConfigFileTest, AFileForAllToolsHasTheTablesInTheToolsSection) {
  std::ofstream(path_) << "[mytool]\nhistory = 3\n[[mytool.rule]]\npattern = \"a\"\n[wstap]\nx = 1\n";
  setenv("WSKIT_CONFIG", path_.c_str(), 1);
  app_ = std::make_unique<CLI::App>("", "mytool");
  define(*app_, values_);
  app_->parse(std::vector<std::string>{});
  std::string pattern;
  const auto define_rule = [&](CLI::App& table) { add_text(table, "--pattern", pattern, "PATTERN", ""); };
  const Configuration read = apply_config(*app_, {}, {{"rule", define_rule}});
  unsetenv("WSKIT_CONFIG");
  EXPECT_THAT(read.errors, IsEmpty());
  EXPECT_EQ(values_.history, 3U);
  EXPECT_EQ(pattern, "a");
  EXPECT_EQ(read.file, path_);
}

}  // namespace
}  // namespace wskit::cli
