// A command line tool from its first argument to its exit code: parsing, help,
// version, completions, configuration, notices, and errors that escape.
//
//     int main(int argc, char** argv) {
//       wskit::tap::TapOptions options;
//       wskit::cli::Tool tool("wstap", "Print the events of channels.");
//       wskit::tap::add_options(tool, options);
//       return tool.main(argc, argv, [&] { return wskit::tap::run(options, tool.notices()); });
//     }
#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "common/cli/command_model.h"
#include "common/cli/config_file.h"
#include "common/cli/exit_code.h"
#include "common/cli/notices.h"

namespace wskit::cli {

// Bad values that show only when options are put together; becomes exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ConnectOptions;

class Tool {
 public:
  // Adds the options that every tool has, in the group "General": -h, --help,
  // --version, -q, -v, --color, --log-format, --profile, --print-config,
  // --generate.
  Tool(std::string name, std::string summary);
  ~Tool();
  Tool(const Tool&) = delete;
  Tool& operator=(const Tool&) = delete;

  // Where the tool's own options are added. Each has a group (`->group("Select")`)
  // and, where there is an environment variable, `->envname("WSKIT_…")`.
  [[nodiscard]] CLI::App& app() { return app_; }
  [[nodiscard]] const CLI::App& app() const { return app_; }

  // What -h shows, three of them; `command` as it is typed. The first form is the
  // tool's, the second one a subcommand's.
  void add_example(std::string command, std::string meaning);
  void add_example(const CLI::App& subcommand, std::string command, std::string meaning);

  // Paragraphs of the manual page under a heading of their own.
  void add_section(std::string title, std::string text);

  // A file that the tool knows by itself, beside the configuration of all tools.
  void add_file(std::string path, std::string meaning);

  // The tool may be given a configuration file of its own (`--config`), with
  // these tables, and be asked whether it is right (`--check-config`). `problems`
  // says what is wrong with values that are right each by itself, a line each.
  void add_own_config(std::vector<ConfigTables> tables, std::function<std::vector<std::string>()> problems);

  // Values that an option's completion offers; of `app()`.
  void suggest(const std::string& option, std::vector<std::string> words);

  // Where a CHANNEL is completed, the server that `options` names is asked for those
  // that it has. `options` must outlive the tool.
  void complete_channels(const ConnectOptions& options) { channels_of_ = &options; }

  // Says what a code means where the tool has more than the shared ones, or
  // means something narrower by one; an empty meaning: the tool never ends so.
  void describe_exit_code(int code, std::string meaning);

  // Configured once the options are parsed.
  [[nodiscard]] Notices& notices() { return notices_; }

  // Reads command line, environment and configuration file into what the options
  // are bound to, as main() does before `run`; what is wrong, a line each. For a
  // tool made anew, to see what has changed since.
  [[nodiscard]] std::vector<std::string> read(int argc, const char* const* argv);

  // What was read, and where it came from.
  [[nodiscard]] const Configuration& configuration() const { return configuration_; }
  // Where the value of an option of `app` (a table, too) came from, for errors.
  [[nodiscard]] std::string origin(const CLI::App& app, const std::string& option) const;

  // Parses; then sets up the notices, ignores SIGPIPE, calls `run`, and ends as
  // its outcome says (by the signal, if there is one). Everything that escapes
  // is one line on stderr: UsageError 2, any other exception 70. Returns the
  // exit code.
  [[nodiscard]] int main(int argc, const char* const* argv, const std::function<Outcome()>& run);

 private:
  void add_general_options();
  // Answers what a completion script asks: `--complete KIND WORD… PREFIX`, with the words
  // of the command line so far. Silent where there is nothing to say.
  [[nodiscard]] int complete(int argc, const char* const* argv);
  // Nothing: go on and run; else the exit code to end with.
  [[nodiscard]] std::optional<int> parse(int argc, const char* const* argv);
  [[nodiscard]] std::optional<int> answer_requests();
  // Applies the configuration file; what is wrong.
  [[nodiscard]] std::vector<std::string> configure();
  [[nodiscard]] int answer_check();
  [[nodiscard]] int generate();
  [[nodiscard]] CommandModel model() const;
  void fill_in(CommandModel& model, const CLI::App& app) const;
  // Prints what was asked for; the exit code to end with.
  [[nodiscard]] int answer(std::string_view text);
  [[nodiscard]] int answer_help(bool full);
  [[nodiscard]] int refuse(const CLI::ParseError& error);

  CLI::App app_;
  Notices notices_;
  NoticeOptions notice_options_;
  std::string generate_;
  std::string profile_;
  bool print_config_ = false;
  bool check_config_ = false;
  std::string own_config_;
  std::vector<ConfigTables> config_tables_;
  std::function<std::vector<std::string>()> problems_;
  Configuration configuration_;
  std::map<const CLI::App*, std::vector<Example>> examples_;
  std::map<std::string, std::vector<std::string>> suggestions_;
  const ConnectOptions* channels_of_ = nullptr;
  std::vector<Section> sections_;
  std::vector<Section> files_;
  std::map<int, std::string> exit_codes_;
};

}  // namespace wskit::cli
