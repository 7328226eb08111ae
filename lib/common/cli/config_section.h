// One table of a configuration file and the options that its keys name.
//
// Only for config_file.cc: this is where TOML is read.
#pragma once

#include <toml++/toml.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/cli/config_file.h"

namespace wskit::cli {

// Whether a key that names no option is an error.
enum class KeysMay : unsigned char { kNotBeUnknown, kBeOfOtherTools };

// The option's name as it stands in a file; empty: it has none.
[[nodiscard]] std::string long_name(const CLI::Option& option);

// The positional that means the same as the option: CHANNEL and --channel. Null: none.
[[nodiscard]] const CLI::Option* positional_of(const CLI::App& app, const CLI::Option& option);

// These results of the option as print_config() writes them; empty: it has no value.
[[nodiscard]] std::string effective_value(const CLI::Option& option, const std::vector<std::string>& results);

// Whether effective_value() says all of them, so that a file with it means the same.
[[nodiscard]] bool is_shown_whole(const CLI::Option& option, const std::vector<std::string>& results);

// Applies one section to one app and notes everything that is wrong with it.
// Stronger sections are applied first: a value found is never replaced.
class SectionReader {
 public:
  // `section`: its name, empty for a tool's own file. All must outlive the reader.
  SectionReader(CLI::App& app, std::string section, const std::vector<ConfigTables>& tables,
                Configuration& configuration)
      : app_(app), section_(std::move(section)), tables_(tables), configuration_(configuration) {}

  void apply(const toml::table& table, KeysMay keys_may);

 private:
  void apply_key(const toml::key& key, const toml::node& node, KeysMay keys_may);
  void apply_table(const toml::key& key, const toml::table& table, KeysMay keys_may);
  // Whether the key is one of the tool's kinds of tables.
  bool apply_tables(const toml::key& key, const toml::node& node);
  void apply_one(const ConfigTables& kind, const toml::table& table);
  void set(CLI::Option& option, const toml::key& key, const toml::node& node);
  // For an option that takes an inline table.
  void set_members(CLI::Option& option, const toml::key& key, const toml::node& node);
  void note_origin(CLI::Option& option, const toml::key& key);
  void check_only(CLI::Option& option, const std::string& name, const std::vector<std::string>& values,
                  const toml::node& node);
  [[nodiscard]] bool given_otherwise(const CLI::Option& option, const std::string& name) const;
  void unknown(const toml::key& key);

  [[nodiscard]] CLI::App* find_subcommand(const std::string& name);
  [[nodiscard]] FilePlace place(const toml::source_region& source) const;
  [[nodiscard]] std::string brackets() const;  // " in [wstap]"
  void fault(const toml::source_region& source, const std::string& message);

  CLI::App& app_;
  std::string section_;
  std::string group_;  // of the table within the section, as it is written; empty: none
  const std::vector<ConfigTables>& tables_;
  Configuration& configuration_;
  std::map<const CLI::Option*, std::size_t> lines_;  // of what the section has set
};

}  // namespace wskit::cli
