// What a command line offers, as plain values: the one source that the help, the
// manual page and the completions are rendered from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace wskit::cli {

struct Example {
  std::string command;
  std::string meaning;
};

// A part of the manual page under a heading of its own.
struct Section {
  std::string title;
  std::string text;
};

struct ExitCodeText {
  int code = 0;
  std::string meaning;
};

struct OptionModel {
  std::vector<std::string> short_names;  // "-c"
  std::vector<std::string> long_names;   // "--channel"; of a negatable flag also "--no-channel"
  std::string positional;                // "CHANNEL"; empty: none
  std::string value_name;                // "T", "auto|json|data", "FILE"; empty: a flag
  std::string flag_value;                // "T" of a flag that may be given as --flag=T; empty: none
  bool value_optional = false;           // that of value_name
  bool repeatable = false;
  bool required = false;
  std::string description;
  std::string default_text;  // empty: none
  std::string environment;   // empty: none
  std::string group;

  std::vector<std::string> suggestions;  // values that one may begin with, where any goes

  // What stands at the beginning of a value, as far as it is to be typed so: of
  // `fail|dlq=FILE` these are `fail` and `dlq=`, of `R|max` only `max`.
  [[nodiscard]] std::vector<std::string> words() const;
  // Those of the words that a file's name follows.
  [[nodiscard]] std::vector<std::string> file_words() const;
  [[nodiscard]] bool takes_channel() const { return value_name == "CHANNEL"; }
  [[nodiscard]] bool takes_profile() const;
  // The values of an `a|b|c`; empty where any value goes.
  [[nodiscard]] std::vector<std::string> choices() const;
  [[nodiscard]] bool takes_file() const { return value_name == "FILE"; }
  [[nodiscard]] bool has_names() const { return !short_names.empty() || !long_names.empty(); }
};

// What every tool has; stands last.
inline constexpr const char* kGeneralGroup = "General";

struct CommandModel {
  std::string name;  // of a subcommand its own name alone
  std::string path;  // "wsbench fanout"
  std::string summary;
  std::vector<OptionModel> options;  // in the order of definition
  std::vector<CommandModel> subcommands;
  bool needs_subcommand = true;    // where there are any
  bool asks_for_channels = false;  // with `--complete channels`
  std::vector<Example> examples;
  std::vector<Section> sections;
  std::vector<Section> files;  // by their path
  std::vector<ExitCodeText> exit_codes;

  // The groups in the order of their first option.
  [[nodiscard]] std::vector<std::string> groups() const;
  // "wstap [OPTIONS] [CHANNEL]…"
  [[nodiscard]] std::string usage() const;
};

// Hidden options (with an empty group) are left out. Examples, sections and exit
// codes are the caller's to fill in.
[[nodiscard]] CommandModel describe(const CLI::App& app);

// The one of `candidates` that `text` was probably meant to be; empty: none is near.
[[nodiscard]] std::string nearest(std::string_view text, const std::vector<std::string>& candidates);

}  // namespace wskit::cli
