// Values for options that were given neither on the command line nor in the
// environment, from a TOML file. One file serves all tools:
//
//     [default]            # every tool that has the option
//     url = "ws://localhost:9000"
//     [wstap]              # one tool
//     output = "json"
//     [profile.prod]       # with --profile prod, over the others
//     url = "wss://stream.example.com"
//
// A tool may also be given a file of its own: what stands in its section above
// then stands at the top. Keys are long option names without the dashes; in the
// tool's section they may be gathered in tables named as the groups of --help
// (`[limits]`), and tables of its own kind may follow (`[[channel]]`).
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace wskit::cli {

struct ConfigChoice {
  std::optional<std::filesystem::path> own_file;  // the tool's own, so it must exist
  std::string profile;                            // empty: none
};

// `[[name]]` tables of a tool: for each one in the file `define` adds the keys
// that it may have, as options, to an app of its own. What those options are
// bound to must outlive the reading.
struct ConfigTables {
  std::string name;
  std::function<void(CLI::App& table)> define;
  bool once = false;  // `[name]`, one table
};

struct FilePlace {
  std::string path;
  std::size_t line = 0;
  std::size_t column = 0;

  [[nodiscard]] std::string text() const;  // "PATH:LINE:COLUMN"
};

// Where the value of an option came from, if it is not the default.
struct Origin {
  enum class Kind : unsigned char { kCommandLine, kEnvironment, kFile };
  Kind kind = Kind::kCommandLine;
  std::string variable;  // of the environment
  FilePlace place;       // in a file
  std::string section;   // of a file for all tools; else empty

  // "command line", "environment WSKIT_URL", "/home/…/config.toml:3 [wstap]"
  [[nodiscard]] std::string text() const;
};

struct ConfigError {
  FilePlace place;  // line 0: of no place in the file
  std::string message;

  [[nodiscard]] std::string text() const;
};

struct Configuration {
  struct Table {
    std::string name;
    FilePlace place;
    std::unique_ptr<CLI::App> app;
    bool once = false;  // of ConfigTables
  };

  std::filesystem::path file;  // that was read; empty: there is none
  std::map<const CLI::Option*, Origin> origins;
  std::vector<Table> tables;
  std::vector<ConfigError> errors;  // everything that is wrong in the file, from its top
};

// $WSKIT_CONFIG, else $XDG_CONFIG_HOME/wskit/config.toml, else
// ~/.config/wskit/config.toml; empty where none of them is known.
[[nodiscard]] std::filesystem::path default_config_path();

// The names of the profiles of that file; none where it cannot be read.
[[nodiscard]] std::vector<std::string> profile_names();

// Gives every option of `app` (and of its subcommand that was parsed) that has
// no value yet the file's. Also a value that a stronger place overrides must be
// a right one. REQUIRES: app.parse() has succeeded.
[[nodiscard]] Configuration apply_config(CLI::App& app, const ConfigChoice& choice,
                                         const std::vector<ConfigTables>& tables);

// One `name = value  # origin` a line, in TOML, that read as a file means the same:
// defaults stand in comments, and so do secrets, which are not shown. `section`: of a
// file for all tools; empty: for a file of the tool's own.
[[nodiscard]] std::string print_config(const CLI::App& app, const Configuration& configuration,
                                       const std::string& section = {});

// An option's value in effect, as print_config() writes it; empty: it has none.
[[nodiscard]] std::string effective_value(const CLI::Option& option);
// The same of each option that may stand in a file, by its name.
[[nodiscard]] std::map<std::string, std::string> effective_values(const CLI::App& app);

}  // namespace wskit::cli
