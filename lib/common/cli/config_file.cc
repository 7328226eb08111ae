#include "common/cli/config_file.h"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "common/cli/config_section.h"

namespace wskit::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value == nullptr ? std::string{} : std::string{value};
}

void note_origins(const CLI::App& app, std::map<const CLI::Option*, Origin>& origins) {
  for (const CLI::Option* option : app.parse_order()) origins[option] = {};
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() == 0 || origins.contains(option)) continue;
    origins[option] = {
        .kind = Origin::Kind::kEnvironment, .variable = option->get_envname(), .place = {}, .section = {}};
  }
  for (const CLI::App* subcommand : app.get_subcommands()) note_origins(*subcommand, origins);
}

// Of no place in the file.
void add_error(Configuration& configuration, std::string message) {
  configuration.errors.emplace_back().message = std::move(message);
}

// The file's content; nothing, and an error, if it has none.
std::optional<toml::table> parse(Configuration& configuration) {
  const std::string path = configuration.file.string();
  try {
    return toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    const toml::source_position& at = error.source().begin;
    if (at.line == 0) {
      add_error(configuration, fmt::format("cannot read {}", path));
    } else {
      configuration.errors.push_back({{path, at.line, at.column}, std::string(error.description())});
    }
    return std::nullopt;
  }
}

// The sections of a file for all tools, the strongest first.
void apply_sections(CLI::App& app, const toml::table& file, const std::string& profile,
                    const std::vector<ConfigTables>& tables, Configuration& configuration) {
  const std::string path = configuration.file.string();
  if (!profile.empty()) {
    const toml::table* section = file["profile"][profile].as_table();
    if (section == nullptr) {
      add_error(configuration, fmt::format("{} has no [profile.{}]", path, profile));
    } else {
      SectionReader(app, "profile." + profile, {}, configuration).apply(*section, KeysMay::kBeOfOtherTools);
    }
  }
  const std::string name = app.get_name();
  if (const toml::table* section = file[name].as_table()) {
    SectionReader(app, name, tables, configuration).apply(*section, KeysMay::kNotBeUnknown);
  }
  if (const toml::table* section = file["default"].as_table()) {
    SectionReader(app, "default", {}, configuration).apply(*section, KeysMay::kBeOfOtherTools);
  }
}

bool may_stand_in_file(const CLI::Option& option) {
  return option.get_configurable() && !long_name(option).empty() && !option.get_group().empty();
}

std::string print_options(const CLI::App& app, const Configuration& configuration, bool only_given) {
  std::string text;
  for (const CLI::Option* option : app.get_options()) {
    if (!may_stand_in_file(*option)) continue;
    const std::string name = long_name(*option);
    const auto origin = configuration.origins.find(option);
    if (only_given && origin == configuration.origins.end()) continue;
    const std::string value = effective_value(*option);
    if (value.empty()) {
      text += fmt::format("# {} is not set\n", name);
    } else {
      text += fmt::format("{} = {}  # {}\n", name, value,
                          origin == configuration.origins.end() ? "default" : origin->second.text());
    }
  }
  return text;
}

}  // namespace

std::string ConfigError::text() const {
  return place.line == 0 ? message : fmt::format("{}: {}", place.text(), message);
}

std::string FilePlace::text() const { return fmt::format("{}:{}:{}", path, line, column); }

std::string Origin::text() const {
  switch (kind) {
    case Kind::kCommandLine:
      return "command line";
    case Kind::kEnvironment:
      return "environment " + variable;
    case Kind::kFile:
      break;
  }
  return fmt::format("{}:{}{}", place.path, place.line, section.empty() ? "" : " [" + section + "]");
}

std::filesystem::path default_config_path() {
  if (const std::string named = environment("WSKIT_CONFIG"); !named.empty()) return named;
  if (const std::string base = environment("XDG_CONFIG_HOME"); !base.empty()) {
    return std::filesystem::path(base) / "wskit" / "config.toml";
  }
  const std::string home = environment("HOME");
  return home.empty() ? std::filesystem::path{}
                      : std::filesystem::path(home) / ".config" / "wskit" / "config.toml";
}

namespace {

Configuration read_config(CLI::App& app, const ConfigChoice& choice,
                          const std::vector<ConfigTables>& tables) {
  Configuration configuration;
  note_origins(app, configuration.origins);
  if (choice.own_file) {
    configuration.file = *choice.own_file;
    const std::optional<toml::table> file = parse(configuration);
    if (file) SectionReader(app, {}, tables, configuration).apply(*file, KeysMay::kNotBeUnknown);
    return configuration;
  }
  const std::filesystem::path path = default_config_path();
  std::error_code ignored;
  if (path.empty() || (environment("WSKIT_CONFIG").empty() && !std::filesystem::exists(path, ignored))) {
    if (!choice.profile.empty()) {
      add_error(configuration, fmt::format("profile '{}' is asked for, but there is no configuration file{}",
                                           choice.profile, path.empty() ? "" : " " + path.string()));
    }
    return configuration;
  }
  configuration.file = path;
  const std::optional<toml::table> file = parse(configuration);
  if (file) apply_sections(app, *file, choice.profile, tables, configuration);
  return configuration;
}

}  // namespace

Configuration apply_config(CLI::App& app, const ConfigChoice& choice,
                           const std::vector<ConfigTables>& tables) {
  Configuration configuration = read_config(app, choice, tables);
  std::ranges::stable_sort(configuration.errors, {}, [](const ConfigError& error) {
    return std::pair(error.place.line, error.place.column);
  });
  return configuration;
}

std::map<std::string, std::string> effective_values(const CLI::App& app) {
  std::map<std::string, std::string> values;
  for (const CLI::Option* option : app.get_options()) {
    if (may_stand_in_file(*option)) values[long_name(*option)] = effective_value(*option);
  }
  return values;
}

std::string print_config(const CLI::App& app, const Configuration& configuration) {
  std::string text = print_options(app, configuration, false);
  for (const CLI::App* subcommand : app.get_subcommands()) {
    text += fmt::format("\n[{}]\n", subcommand->get_name()) + print_config(*subcommand, configuration);
  }
  if (app.get_parent() != nullptr) return text;
  for (const Configuration::Table& table : configuration.tables) {
    const std::string name = table.once ? table.name : "[" + table.name + "]";
    text += fmt::format("\n[{}]  # {}:{}\n", name, table.place.path, table.place.line);
    text += print_options(*table.app, configuration, true);
  }
  return text;
}

}  // namespace wskit::cli
