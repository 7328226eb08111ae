#include "common/cli/command_model.h"

#include <gtest/gtest.h>

#include <CLI/App.hpp>

#include "common/cli/completion.h"
#include "common/cli/help.h"
#include "common/cli/option_values.h"

namespace wskit::cli {
namespace {

TEST(Nearest, FindsWhatWasMeant) {
  const std::vector<std::string> names{"--timeout", "--token", "--token-file", "--url"};
  EXPECT_EQ(nearest("--timout", names), "--timeout");
  EXPECT_EQ(nearest("--time", names), "--timeout");
  EXPECT_EQ(nearest("--toekn", names), "--token");
  EXPECT_EQ(nearest("--frobnicate", names), "");
}

TEST(CommandModel, LeavesHiddenOptionsOutAndTheGeneralGroupLast) {
  CLI::App app("s", "tool");
  app.set_help_flag();
  bool flag = false;
  app.add_flag("--general", flag)->group(kGeneralGroup);
  app.add_flag("--hidden", flag)->group("");
  app.add_flag("--other", flag)->group("Other");
  const CommandModel model = describe(app);
  EXPECT_EQ(model.groups(), (std::vector<std::string>{"Other", kGeneralGroup}));
}

TEST(CommandModel, KnowsTheChoicesOfAnOption) {
  OptionModel option;
  option.value_name = "a|b|c";
  EXPECT_EQ(option.choices(), (std::vector<std::string>{"a", "b", "c"}));
  option.value_name = "FILE";
  EXPECT_TRUE(option.choices().empty());
  EXPECT_TRUE(option.takes_file());
}

TEST(CommandModel, MarksInTheUsageWhatIsRequiredAndWhatRepeats) {
  CLI::App app("s", "tool");
  std::string one;
  std::vector<std::string> many;
  add_text(app, "FIRST", one, "FIRST", "")->required()->group("A");
  add_texts(app, "MORE", many, "MORE", "")->group("A");
  EXPECT_EQ(describe(app).usage(), "tool [OPTIONS] FIRST [MORE]...");
}

TEST(CommandModel, ShowsAValueThatMayBeLeftOut) {
  CLI::App app("s", "tool");
  app.set_help_flag();
  std::string period;
  bool plain = false;
  std::string passes;
  app.add_flag("--stats{1s}", period)->type_name("T")->group("A");
  app.add_flag("--plain", plain)->group("A");
  add_text(app, "--loop", passes, "N", "")->expected(0, 1)->group("A");
  std::vector<std::string> headings;
  for (const OptionModel& option : describe(app).options) headings.push_back(option_heading(option));
  EXPECT_EQ(headings, (std::vector<std::string>{"--stats[=T]", "--plain", "--loop [N]"}));
}

TEST(CommandModel, ShowsTheDefaultOfAListWithoutItsBrackets) {
  OptionModel option;
  option.long_names = {"--listen"};
  option.repeatable = true;
  option.default_text = "[127.0.0.1:9000]";
  EXPECT_EQ(option_text(option), " (repeatable) [default: 127.0.0.1:9000]");
  option.default_text = "[]";
  EXPECT_EQ(option_text(option), " (repeatable)");
}

// The quotes of the shells survive whatever a description holds.
TEST(Completion, QuotesDescriptions) {
  CLI::App app("s", "tool");
  std::string value;
  add_text(app, "--it", value, "X", "It's [so]: \\ yes. And more")->group("A");
  const CommandModel model = describe(app);
  EXPECT_NE(zsh_completion(model).find(R"('(--it)--it=[It'\''s \[so\]\: \\ yes]:X:')"), std::string::npos)
      << zsh_completion(model);
  EXPECT_NE(fish_completion(model).find(R"( -d 'It\'s [so]: \\ yes')"), std::string::npos)
      << fish_completion(model);
}

}  // namespace
}  // namespace wskit::cli
