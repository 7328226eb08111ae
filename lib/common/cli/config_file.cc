#include "common/cli/config_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <utility>

#include "common/cli/command_model.h"
#include "common/cli/config_section.h"

namespace wskit::cli {
namespace {

std::string environment_value(const char* name) {
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

constexpr std::size_t kMaxFileBytes = std::size_t{16} << 20;

// What the file holds, and why it cannot be read: a folder, too, can be opened.
struct Content {
  std::string text;
  std::string fault;  // empty: none
};

Content read_whole(const std::string& path) {
  Content content;
  const auto fail = [&content] { content.fault = std::generic_category().message(errno); };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    fail();
    return content;
  }
  std::array<char, std::size_t{16} << 10> room{};
  while (content.fault.empty()) {
    const ssize_t got = ::read(fd, room.data(), room.size());
    if (got == 0) break;
    if (got > 0) {
      content.text.append(room.data(), static_cast<std::size_t>(got));
      if (content.text.size() > kMaxFileBytes) content.fault = "it is too large to be a configuration";
    } else if (errno != EINTR) {
      fail();
    }
  }
  ::close(fd);
  return content;
}

// The file's content; nothing, and an error, if it has none.
std::optional<toml::table> parse(Configuration& configuration) {
  const std::string path = configuration.file.string();
  const Content content = read_whole(path);
  if (!content.fault.empty()) {
    add_error(configuration, fmt::format("cannot read {}: {}", path, content.fault));
    return std::nullopt;
  }
  try {
    return toml::parse(content.text, path);
  } catch (const toml::parse_error& error) {
    const toml::source_position& at = error.source().begin;
    configuration.errors.push_back({{path, at.line, at.column}, std::string(error.description())});
    return std::nullopt;
  }
}

// What has no place in a file for all tools.
void check_sections(const CLI::App& app, const toml::table& file, Configuration& configuration) {
  std::vector<std::string> sections{"default", "profile", "wsserve", "wspub", "wstap", "wsbench"};
  if (std::ranges::find(sections, app.get_name()) == sections.end()) sections.push_back(app.get_name());
  for (const auto& [key, node] : file) {
    const std::string name{key.str()};
    const toml::source_position& at = key.source().begin;
    const auto fault = [&](std::string message) {
      configuration.errors.push_back({{configuration.file.string(), at.line, at.column}, std::move(message)});
    };
    if (!node.is_table()) {
      fault(fmt::format("'{}' stands in no section: write it under [{}], or under [default] for every tool",
                        name, app.get_name()));
    } else if (std::ranges::find(sections, name) == sections.end()) {
      const std::string near = nearest(name, sections);
      fault(fmt::format("unknown section [{}]; {}", name,
                        near.empty() ? "there are [default], [profile.NAME] and one of each tool"
                                     : fmt::format("did you mean [{}]?", near)));
    }
  }
}

// The sections of a file for all tools, the strongest first.
void apply_sections(CLI::App& app, const toml::table& file, const std::string& profile,
                    const std::vector<ConfigTables>& tables, Configuration& configuration) {
  check_sections(app, file, configuration);
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

// A default stays one when the text is taken back, so it stands as a comment; so does
// what is not shown.
std::string print_option(const CLI::App& app, const CLI::Option& option, const Configuration& configuration) {
  const std::string name = long_name(option);
  std::vector<std::string> results = option.results();
  auto origin = configuration.origins.find(&option);
  if (const CLI::Option* positional = positional_of(app, option); positional != nullptr) {
    results.insert(results.begin(), positional->results().begin(), positional->results().end());
    if (origin == configuration.origins.end()) origin = configuration.origins.find(positional);
  }
  const bool given = origin != configuration.origins.end();
  std::string value = effective_value(option, results);
  // An empty list, which is not the default.
  if (given && results.empty() && option.get_items_expected_max() > 1) value = "[]";
  if (value.empty()) return fmt::format("# {} is not set\n", name);
  return fmt::format("{}{} = {}  # {}\n", given && is_shown_whole(option, results) ? "" : "# ", name, value,
                     given ? origin->second.text() : "default");
}

std::string print_options(const CLI::App& app, const Configuration& configuration, bool only_given) {
  std::string text;
  for (const CLI::Option* option : app.get_options()) {
    if (!may_stand_in_file(*option)) continue;
    if (only_given && !configuration.origins.contains(option)) continue;
    text += print_option(app, *option, configuration);
  }
  return text;
}

std::string print_section(const CLI::App& app, const Configuration& configuration,
                          const std::string& section) {
  std::string text = section.empty() ? "" : fmt::format("[{}]\n", section);
  text += print_options(app, configuration, false);
  for (const CLI::App* subcommand : app.get_subcommands()) {
    const std::string inner =
        section.empty() ? subcommand->get_name() : section + "." + subcommand->get_name();
    text += "\n" + print_section(*subcommand, configuration, inner);
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
  if (const std::string named = environment_value("WSKIT_CONFIG"); !named.empty()) return named;
  if (const std::string base = environment_value("XDG_CONFIG_HOME"); !base.empty()) {
    return std::filesystem::path(base) / "wskit" / "config.toml";
  }
  const std::string home = environment_value("HOME");
  return home.empty() ? std::filesystem::path{}
                      : std::filesystem::path(home) / ".config" / "wskit" / "config.toml";
}

std::vector<std::string> profile_names() {
  std::vector<std::string> names;
  Configuration configuration;
  configuration.file = default_config_path();
  const std::optional<toml::table> file = parse(configuration);
  if (!file) return names;
  const toml::table* profiles = (*file)["profile"].as_table();
  if (profiles == nullptr) return names;
  for (const auto& [name, node] : *profiles) names.emplace_back(name.str());
  return names;
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
  if (path.empty() ||
      (environment_value("WSKIT_CONFIG").empty() && !std::filesystem::exists(path, ignored))) {
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

std::string print_config(const CLI::App& app, const Configuration& configuration,
                         const std::string& section) {
  std::string text = print_section(app, configuration, section);
  for (const Configuration::Table& table : configuration.tables) {
    const std::string path = section.empty() ? table.name : section + "." + table.name;
    const std::string name = table.once ? path : "[" + path + "]";
    text += fmt::format("\n[{}]  # {}:{}\n", name, table.place.path, table.place.line);
    text += print_options(*table.app, configuration, true);
  }
  return text;
}

}  // namespace wskit::cli
