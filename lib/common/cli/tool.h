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
#include <memory>
#include <string>
#include <vector>

#include "common/cli/exit_code.h"
#include "common/cli/notices.h"

namespace wskit::cli {

struct Example {
  std::string command;
  std::string meaning;
};

// Bad values that show only when options are put together; becomes exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Tool {
 public:
  // Adds the options that every tool has: -h, --help, --version, -q, -v, --color,
  // --log-format, --print-config, --profile, --generate.
  Tool(std::string name, std::string summary);
  ~Tool();
  Tool(const Tool&) = delete;
  Tool& operator=(const Tool&) = delete;

  // Where the tool's own options are added. Each needs a group (`->group("Select")`)
  // and, where it has an environment variable, `->envname("WSKIT_…")`.
  [[nodiscard]] CLI::App& app() { return *app_; }

  // What -h shows, three of them; `command` with the tool's name.
  void add_example(std::string command, std::string meaning);

  // For the man page: paragraphs under a heading of their own.
  void add_section(std::string title, std::string text);

  [[nodiscard]] Notices& notices() { return notices_; }

  // Parses; on success sets up the notices, ignores SIGPIPE, calls `run`, and
  // ends as its outcome says (by the signal, if there is one). Everything that
  // escapes is one line on stderr: UsageError 2, any other exception 70.
  // Returns the exit code.
  [[nodiscard]] int main(int argc, const char* const* argv, const std::function<Outcome()>& run);

 private:
  struct Text;

  Notices notices_;
  NoticeOptions notice_options_;
  std::string generate_;
  std::string profile_;
  bool print_config_ = false;
  std::unique_ptr<Text> text_;
  std::unique_ptr<CLI::App> app_;
};

}  // namespace wskit::cli
