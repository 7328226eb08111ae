#include "common/cli/command_model.h"

#include <CLI/App.hpp>
#include <algorithm>
#include <string_view>

#include "common/protocol/quote.h"

namespace wskit::cli {
namespace {

OptionModel describe_option(const CLI::Option& option) {
  OptionModel model;
  for (const std::string& name : option.get_snames()) model.short_names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) model.long_names.push_back("--" + name);
  if (option.get_positional()) model.positional = option.get_name(true);
  (option.get_items_expected_max() > 0 ? model.value_name : model.flag_value) = option.get_type_name();
  model.value_optional = option.get_items_expected_min() == 0;
  model.repeatable = option.get_items_expected_max() > 1;
  model.required = option.get_required();
  model.description = option.get_description();
  model.default_text = option.get_default_str();
  model.environment = option.get_envname();
  model.group = option.get_group();
  return model;
}

CommandModel describe_command(const CLI::App& app, const std::string& parent_path) {
  CommandModel model;
  model.name = app.get_name();
  model.path = parent_path.empty() ? model.name : parent_path + " " + model.name;
  model.summary = app.get_description();
  model.needs_subcommand = app.get_require_subcommand_min() > 0;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_group().empty()) model.options.push_back(describe_option(*option));
  }
  for (const CLI::App* subcommand : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (subcommand->get_name().empty() || subcommand->get_group().empty()) continue;
    model.subcommands.push_back(describe_command(*subcommand, model.path));
  }
  return model;
}

}  // namespace

std::vector<std::string> OptionModel::choices() const {
  std::vector<std::string> result;
  if (value_name.find('|') == std::string::npos) return result;
  std::string_view rest = value_name;
  while (true) {
    const std::size_t bar = rest.find('|');
    result.emplace_back(rest.substr(0, bar));
    if (bar == std::string_view::npos) return result;
    rest.remove_prefix(bar + 1);
  }
}

namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_alphanumeric(char c) { return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Where a placeholder begins, a run of capitals that is a word of its own: FILE, N.
std::size_t placeholder(std::string_view word) {
  for (std::size_t at = 0; at < word.size(); ++at) {
    if (!is_upper(word[at]) || (at > 0 && is_alphanumeric(word[at - 1]))) continue;
    std::size_t end = at;
    while (end < word.size() && is_upper(word[end])) ++end;
    if (end == word.size() || !is_alphanumeric(word[end])) return at;
  }
  return word.size();
}

}  // namespace

std::vector<std::string> OptionModel::words() const {
  std::vector<std::string> result;
  std::vector<std::string> all = choices();
  if (all.empty() && placeholder(value_name) > 0 && placeholder(value_name) < value_name.size()) {
    all.push_back(value_name);  // `json=PATH`
  }
  for (const std::string& word : all) {
    if (const std::size_t end = placeholder(word); end > 0) result.push_back(word.substr(0, end));
  }
  result.insert(result.end(), suggestions.begin(), suggestions.end());
  return result;
}

std::vector<std::string> OptionModel::file_words() const {
  std::vector<std::string> result;
  const std::vector<std::string> all = choices();
  for (const std::string& word : all.empty() ? std::vector{value_name} : all) {
    const std::size_t end = placeholder(word);
    const std::string_view what = std::string_view(word).substr(end);
    if (end > 0 && (what == "FILE" || what == "PATH")) result.push_back(word.substr(0, end));
  }
  return result;
}

bool OptionModel::takes_profile() const {
  return std::find(long_names.begin(), long_names.end(), "--profile") != long_names.end();
}

std::vector<std::string> CommandModel::groups() const {
  std::vector<std::string> result;
  for (const OptionModel& option : options) {
    if (std::find(result.begin(), result.end(), option.group) == result.end()) result.push_back(option.group);
  }
  const auto general = std::find(result.begin(), result.end(), kGeneralGroup);
  if (general != result.end()) std::rotate(general, general + 1, result.end());
  return result;
}

std::string CommandModel::usage() const {
  std::string text = path + " [OPTIONS]";
  if (!subcommands.empty()) text += needs_subcommand ? " COMMAND" : " [COMMAND]";
  for (const OptionModel& option : options) {
    if (option.positional.empty()) continue;
    text += ' ' + (option.required ? option.positional : '[' + option.positional + ']');
    if (option.repeatable) text += "...";
  }
  return text;
}

CommandModel describe(const CLI::App& app) { return describe_command(app, {}); }

std::string nearest(std::string_view text, const std::vector<std::string>& candidates) {
  const std::vector<std::string_view> names(candidates.begin(), candidates.end());
  return std::string(protocol::nearest_name(text, names));
}

}  // namespace wskit::cli
