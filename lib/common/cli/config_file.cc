#include "common/cli/config_file.h"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

#include "common/cli/command_model.h"

namespace wskit::cli {
namespace {

constexpr std::string_view kCommandLine = "command line";

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value == nullptr ? std::string{} : std::string{value};
}

std::string long_name(const CLI::Option& option) {
  return option.get_lnames().empty() ? std::string{} : option.get_lnames().front();
}

// The texts that a TOML value stands for on a command line; nothing for a table
// or a date.
std::optional<std::vector<std::string>> texts(const toml::node& node) {
  std::vector<std::string> result;
  const auto add = [&](const toml::node& item) {
    if (const auto* text = item.as_string()) {
      result.push_back(text->get());
    } else if (const auto* integer = item.as_integer()) {
      result.push_back(std::to_string(integer->get()));
    } else if (const auto* number = item.as_floating_point()) {
      result.push_back(fmt::format("{}", number->get()));
    } else if (const auto* flag = item.as_boolean()) {
      result.emplace_back(flag->get() ? "true" : "false");
    } else {
      return false;
    }
    return true;
  };
  if (const toml::array* array = node.as_array()) {
    const bool all = std::all_of(array->begin(), array->end(), add);
    return all ? std::optional(result) : std::nullopt;
  }
  return add(node) ? std::optional(result) : std::nullopt;
}

// One section of the file, applied to one app. Later sections are stronger and
// are applied first, so that a value found is never replaced.
class SectionReader {
 public:
  SectionReader(CLI::App& app, std::string place, Origins& origins)
      : app_(app), place_(std::move(place)), origins_(origins) {}

  // `strict`: a key must name an option; else it may be another tool's.
  [[nodiscard]] std::optional<ValueError> apply(const toml::table& table, bool strict) {
    for (const auto& [key, node] : table) {
      const std::string name{key.str()};
      if (node.is_table()) {
        if (std::optional<ValueError> error = apply_subcommand(name, *node.as_table(), strict)) return error;
        continue;
      }
      CLI::Option* option = app_.get_option_no_throw("--" + name);
      if (option == nullptr || !option->get_configurable()) {
        if (strict) return unknown(name);
        continue;
      }
      if (std::optional<ValueError> error = set(*option, name, node)) return error;
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] CLI::App* find_subcommand(const std::string& name) {
    const std::vector<CLI::App*> all = app_.get_subcommands([](const CLI::App*) { return true; });
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const CLI::App* app) { return app->get_name() == name; });
    return found == all.end() ? nullptr : *found;
  }

  std::optional<ValueError> apply_subcommand(const std::string& name, const toml::table& table, bool strict) {
    CLI::App* subcommand = find_subcommand(name);
    if (subcommand == nullptr) return strict ? std::optional(unknown(name)) : std::nullopt;
    if (!subcommand->parsed()) return std::nullopt;
    return SectionReader(*subcommand, place_ + "." + name, origins_).apply(table, strict);
  }

  std::optional<ValueError> set(CLI::Option& option, const std::string& name, const toml::node& node) {
    if (option.count() > 0 || given_otherwise(option, name)) return std::nullopt;
    const std::optional<std::vector<std::string>> values = texts(node);
    const std::string where = fmt::format("{}] line {}", place_, node.source().begin.line);
    if (!values) {
      return ValueError{fmt::format("{}: '{}' must be a string, a number, true or false", where, name)};
    }
    try {
      for (const std::string& value : *values) option.add_result(value);
      option.run_callback();
    } catch (const CLI::ParseError& error) {
      return ValueError{fmt::format("{}: {}", where, error.what())};
    }
    origins_[&option] = where;
    return std::nullopt;
  }

  // A value from a stronger place may have come in by another name: a token file
  // instead of a token, a positional CHANNEL instead of --channel.
  [[nodiscard]] bool given_otherwise(const CLI::Option& option, const std::string& name) const {
    std::string other = option.get_type_name();
    if (name == "token") other = "--token-file";
    if (name == "token-file") other = "--token";
    const CLI::Option* found = app_.get_option_no_throw(other);
    return found != nullptr && found != &option && found->count() > 0;
  }

  [[nodiscard]] ValueError unknown(const std::string& name) const {
    std::vector<std::string> names;
    for (const CLI::Option* option : app_.get_options()) names.push_back(long_name(*option));
    const std::string near = nearest(name, names);
    return {fmt::format("{}]: unknown key '{}'{}", place_, name,
                        near.empty() ? "" : fmt::format("; did you mean '{}'?", near))};
  }

  CLI::App& app_;
  std::string place_;  // "FILE [wstap", without the closing bracket
  Origins& origins_;
};

void note_origins(const CLI::App& app, Origins& origins) {
  for (const CLI::Option* option : app.parse_order()) origins[option] = kCommandLine;
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() > 0 && !origins.contains(option)) {
      origins[option] = "environment " + option->get_envname();
    }
  }
  for (const CLI::App* subcommand : app.get_subcommands()) note_origins(*subcommand, origins);
}

bool is_secret(const std::string& name) { return name == "token"; }

// What a reader may see of a value: of a header its name only.
std::string shown(const std::string& name, const std::string& value) {
  if (is_secret(name)) return "(not shown)";
  if (name == "header") return value.substr(0, value.find(':')) + ": (not shown)";
  return value;
}

std::string toml_value(const std::string& text, bool bare) {
  const bool literal =
      text == "true" || text == "false" ||
      (!text.empty() && text.size() < 16 && text.find_first_not_of("0123456789") == std::string::npos);
  return bare && literal ? text : nlohmann::json(text).dump();
}

std::string print_option(const CLI::Option& option, const Origins& origins) {
  const std::string name = long_name(option);
  const auto found = origins.find(&option);
  const bool flag = option.get_items_expected_max() == 0;
  if (found == origins.end()) {
    if (flag)
      return fmt::format("{} = {}  # default\n", name, option.get_default_str().empty() ? "false" : "true");
    if (option.get_default_str().empty()) return fmt::format("# {} is not set\n", name);
    return fmt::format("{} = {}  # default\n", name, toml_value(option.get_default_str(), true));
  }
  std::string value;
  if (flag && option.count() > 1) {
    value = std::to_string(option.count());
  } else if (option.get_items_expected_max() > 1) {
    for (const std::string& item : option.results()) {
      value += (value.empty() ? "[" : ", ") + toml_value(shown(name, item), false);
    }
    value += "]";
  } else {
    value = toml_value(shown(name, option.results().back()), true);
  }
  return fmt::format("{} = {}  # {}\n", name, value, found->second);
}

}  // namespace

std::filesystem::path default_config_path() {
  if (const std::string named = environment("WSKIT_CONFIG"); !named.empty()) return named;
  if (const std::string base = environment("XDG_CONFIG_HOME"); !base.empty()) {
    return std::filesystem::path(base) / "wskit" / "config.toml";
  }
  const std::string home = environment("HOME");
  return home.empty() ? std::filesystem::path{}
                      : std::filesystem::path(home) / ".config" / "wskit" / "config.toml";
}

ValueResult<Origins> apply_config(CLI::App& app, const ConfigChoice& choice) {
  Origins origins;
  note_origins(app, origins);
  const std::filesystem::path path = choice.file.value_or(default_config_path());
  const bool named = choice.file.has_value() || !environment("WSKIT_CONFIG").empty();
  std::error_code ignored;
  if (path.empty() || (!named && !std::filesystem::exists(path, ignored))) {
    if (choice.profile.empty()) return origins;
    return ValueError{fmt::format("profile '{}' is asked for, but there is no configuration file{}",
                                  choice.profile, path.empty() ? "" : " " + path.string())};
  }
  toml::table file;
  try {
    file = toml::parse_file(path.string());
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    if (at.line == 0) return ValueError{fmt::format("cannot read {}", path.string())};
    return ValueError{
        fmt::format("{}: line {}, column {}: {}", path.string(), at.line, at.column, error.description())};
  }
  const auto apply = [&](const toml::table* table, const std::string& name, bool strict) {
    if (table == nullptr) return std::optional<ValueError>{};
    return SectionReader(app, path.string() + " [" + name, origins).apply(*table, strict);
  };
  if (!choice.profile.empty()) {
    const toml::table* profile = file["profile"][choice.profile].as_table();
    if (profile == nullptr) {
      return ValueError{fmt::format("{} has no [profile.{}]", path.string(), choice.profile)};
    }
    if (auto error = apply(profile, "profile." + choice.profile, false)) return *error;
  }
  if (auto error = apply(file[app.get_name()].as_table(), app.get_name(), true)) return *error;
  if (auto error = apply(file["default"].as_table(), "default", false)) return *error;
  return origins;
}

std::string print_config(const CLI::App& app, const Origins& origins) {
  std::string text;
  for (const CLI::Option* option : app.get_options()) {
    const bool shown_here =
        option->get_configurable() && !long_name(*option).empty() && !option->get_group().empty();
    if (shown_here) text += print_option(*option, origins);
  }
  for (const CLI::App* subcommand : app.get_subcommands()) {
    text += fmt::format("\n[{}]\n", subcommand->get_name()) + print_config(*subcommand, origins);
  }
  return text;
}

}  // namespace wskit::cli
