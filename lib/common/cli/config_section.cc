#include "common/cli/config_section.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "common/cli/command_model.h"
#include "common/cli/member_option.h"
#include "common/client/url.h"
#include "common/protocol/utf8.h"

namespace wskit::cli {
namespace {

// The flags that count how often they are given.
constexpr std::array<std::string_view, 2> kCounters{"quiet", "verbose"};

// Value names of options whose values are texts, even if one looks like a number.
constexpr std::array<std::string_view, 7> kTexts{"ADDRESS", "CHANNEL", "FILE", "NAME",
                                                 "PATH",    "PATTERN", "URL"};

template <class Names>
bool is_one_of(std::string_view name, const Names& names) {
  return std::ranges::find(names, name) != std::ranges::end(names);
}

bool is_flag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }
// Of `--stats`, which may also be `--stats=5s`.
bool takes_flag_value(const CLI::Option& option) {
  return is_flag(option) && !option.get_type_name().empty();
}
bool is_repeatable(const CLI::Option& option) { return option.get_items_expected_max() > 1; }

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; });
  return text;
}

// What the option takes, for an error.
std::string wanted(const CLI::Option& option) {
  std::string one = "a string";
  if (takes_members(option)) return "a table, { name = value }";
  if (takes_flag_value(option)) {
    one = "true, false, a string or a number";
  } else if (is_flag(option)) {
    one = is_one_of(long_name(option), kCounters) ? "true, false or a whole number" : "true or false";
  } else if (!is_one_of(option.get_type_name(), kTexts)) {
    one = "a string or a number";
  }
  return is_repeatable(option) ? one + ", or a list of them" : one;
}

std::string_view kind_of(const toml::node& node) {
  if (node.is_string()) return "a string";
  if (node.is_boolean()) return "a truth value";
  if (node.is_number()) return "a number";
  if (node.is_array()) return "a list";
  if (node.is_table()) return "a table";
  return "a date or time";
}

// The text that stands for the value on a command line; nothing where the option
// does not take such a value.
std::optional<std::string> as_typed(const CLI::Option& option, const toml::node& node) {
  if (const auto* flag = node.as_boolean()) {
    if (!is_flag(option)) return std::nullopt;
    if (flag->get() && takes_flag_value(option)) return option.get_flag_value(long_name(option), "");
    return flag->get() ? "true" : "false";
  }
  if (is_flag(option) && !takes_flag_value(option) &&
      !(node.is_integer() && is_one_of(long_name(option), kCounters)))
    return std::nullopt;
  if (const auto* text = node.as_string()) return text->get();
  if (is_one_of(option.get_type_name(), kTexts)) return std::nullopt;
  if (const auto* integer = node.as_integer()) return std::to_string(integer->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  return std::nullopt;
}

std::optional<std::vector<std::string>> all_as_typed(const CLI::Option& option, const toml::node& node) {
  std::vector<std::string> values;
  const auto add = [&](const toml::node& item) {
    if (auto text = as_typed(option, item)) values.push_back(std::move(*text));
    return values.size();
  };
  const toml::array* array = node.as_array();
  if (array == nullptr) return add(node) == 1 ? std::optional(values) : std::nullopt;
  if (!is_repeatable(option)) return std::nullopt;
  for (const toml::node& item : *array) add(item);
  return values.size() == array->size() ? std::optional(values) : std::nullopt;
}

// Nothing for a date or time.
std::optional<nlohmann::json> to_json(const toml::node& node) {
  if (const auto* text = node.as_string()) return nlohmann::json(text->get());
  if (const auto* flag = node.as_boolean()) return nlohmann::json(flag->get());
  if (const auto* integer = node.as_integer()) return nlohmann::json(integer->get());
  if (const auto* number = node.as_floating_point()) return nlohmann::json(number->get());
  if (const toml::array* array = node.as_array()) {
    nlohmann::json list = nlohmann::json::array();
    for (const toml::node& item : *array) {
      auto value = to_json(item);
      if (!value) return std::nullopt;
      list.push_back(*std::move(value));
    }
    return list;
  }
  const toml::table* table = node.as_table();
  if (table == nullptr) return std::nullopt;
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [name, item] : *table) {
    auto value = to_json(item);
    if (!value) return std::nullopt;
    object[std::string(name.str())] = *std::move(value);
  }
  return object;
}

// CLI11's words without the dashes, which a key has not.
std::string reason(const CLI::ParseError& error) {
  const std::string text = error.what();
  return text.starts_with("--") ? text.substr(2) : text;
}

// Takes the values as if they had been typed. An empty list cannot be typed, so it is
// for options that say that they take one: nothing, where otherwise a default holds.
void give(CLI::Option& option, const std::vector<std::string>& values) {
  if (values.empty() && option.get_items_expected_min() == 0) return;
  for (const std::string& value : values) option.add_result(value);
  option.run_callback();
}

std::optional<std::string> refused_by_validators(CLI::Option& option, const std::string& value) {
  for (int i = 0;; ++i) {
    try {
      std::string copy = value;
      if (const std::string why = (*option.get_validator(i))(copy); !why.empty()) return why;
    } catch (const CLI::OptionNotFound&) {
      return std::nullopt;
    }
  }
}

bool is_secret(const std::string& name) { return name == "token"; }

// What a reader may see of a value: of a header its name only.
std::string shown(const std::string& name, const std::string& value) {
  if (is_secret(name)) return "(not shown)";
  if (name == "url") return client::without_secrets(value);
  if (name == "header" && value.find(':') == std::string::npos) return "(not shown)";
  if (name == "header") return value.substr(0, value.find(':')) + ": (not shown)";
  return value;
}

// A basic string; bytes that are no UTF-8 cannot stand in TOML.
std::string toml_string(const std::string& text) {
  std::string quoted = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  for (std::size_t at = quoted.find('\x7f'); at != std::string::npos; at = quoted.find('\x7f', at)) {
    quoted.replace(at, 1, "\\u007F");
  }
  return quoted;
}

// Without quotes where a file may have it so: a truth value of a flag, a whole number
// of an option that takes one.
std::string toml_value(const CLI::Option& option, const std::string& text) {
  if (is_flag(option) && !takes_flag_value(option)) return text;
  const bool digits =
      !text.empty() && text.size() < 16 && text.find_first_not_of("0123456789") == std::string::npos;
  const bool number = digits && (text.front() != '0' || text.size() == 1);
  return number && !is_one_of(option.get_type_name(), kTexts) ? text : toml_string(text);
}

// CLI11 writes a default of several values as [a,b].
std::vector<std::string> default_items(const CLI::Option& option) {
  const std::string whole = option.get_default_str();
  std::string_view text = whole;
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  std::vector<std::string> items;
  while (true) {
    const std::size_t comma = text.find(',');
    items.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return items;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

std::string long_name(const CLI::Option& option) {
  return option.get_lnames().empty() ? std::string{} : option.get_lnames().front();
}

std::string effective_value(const CLI::Option& option) { return effective_value(option, option.results()); }

std::string effective_value(const CLI::Option& option, const std::vector<std::string>& results) {
  const std::string name = long_name(option);
  const bool given = !results.empty();
  if (!given && is_flag(option)) return option.get_default_str().empty() ? "false" : "true";
  if (!given && option.get_default_str().empty()) return {};
  if (!given && !is_repeatable(option)) return toml_value(option, option.get_default_str());
  if (is_one_of(name, kCounters) && results.size() > 1) return std::to_string(results.size());
  if (!is_repeatable(option)) return toml_value(option, shown(name, results.back()));
  std::string list;
  if (takes_members(option)) {
    for (const std::string& item : results) list += (list.empty() ? "{ " : ", ") + member_as_toml(item);
    return list + " }";
  }
  for (const std::string& item : given ? results : default_items(option)) {
    list += (list.empty() ? "[" : ", ") + toml_string(shown(name, item));
  }
  return list + "]";
}

bool is_shown_whole(const CLI::Option& option, const std::vector<std::string>& results) {
  return std::ranges::all_of(results, [name = long_name(option)](const std::string& value) {
    return shown(name, value) == value && protocol::is_utf8(value);
  });
}

const CLI::Option* positional_of(const CLI::App& app, const CLI::Option& option) {
  const std::string& name = option.get_type_name();
  if (name.empty() || lower(name) != long_name(option)) return nullptr;
  const CLI::Option* found = app.get_option_no_throw(name);
  return found == &option ? nullptr : found;
}

// --- Keys --------------------------------------------------------------------

void SectionReader::apply(const toml::table& table, KeysMay keys_may) {
  for (const auto& [key, node] : table) {
    if (apply_tables(key, node)) continue;
    if (const toml::table* inner = node.as_table()) {
      apply_table(key, *inner, keys_may);
    } else {
      apply_key(key, node, keys_may);
    }
  }
}

void SectionReader::apply_key(const toml::key& key, const toml::node& node, KeysMay keys_may) {
  CLI::Option* option = app_.get_option_no_throw("--" + std::string(key.str()));
  if (option == nullptr || !option->get_configurable() || long_name(*option) != key.str()) {
    if (keys_may == KeysMay::kNotBeUnknown) unknown(key);
    return;
  }
  if (!group_.empty() && lower(option->get_group()) != group_) {
    return fault(key.source(), fmt::format("'{}' belongs to [{}], or outside of all tables, not to [{}]",
                                           key.str(), lower(option->get_group()), group_));
  }
  if (const auto before = lines_.find(option); before != lines_.end()) {
    return fault(key.source(),
                 fmt::format("'{}' is set twice: line {} has it too", key.str(), before->second));
  }
  lines_[option] = key.source().begin.line;
  set(*option, key, node);
}

void SectionReader::apply_table(const toml::key& key, const toml::table& table, KeysMay keys_may) {
  const std::string name{key.str()};
  if (CLI::App* subcommand = find_subcommand(name)) {
    if (!subcommand->parsed()) return;
    return SectionReader(*subcommand, section_ + (section_.empty() ? "" : ".") + name, {}, configuration_)
        .apply(table, keys_may);
  }
  const auto options = app_.get_options();
  const bool group = group_.empty() && std::ranges::any_of(options, [&](const CLI::Option* option) {
                       return option->get_configurable() && lower(option->get_group()) == name;
                     });
  if (group) {
    group_ = name;
    apply(table, keys_may);
    group_.clear();
  } else if (app_.get_option_no_throw("--" + name) != nullptr) {
    apply_key(key, table, keys_may);
  } else if (keys_may == KeysMay::kNotBeUnknown) {
    unknown(key);
  }
}

bool SectionReader::apply_tables(const toml::key& key, const toml::node& node) {
  const auto kind = std::ranges::find(tables_, key.str(), &ConfigTables::name);
  if (kind == tables_.end() || !group_.empty()) return false;
  if (kind->once) {
    if (const toml::table* table = node.as_table()) {
      apply_one(*kind, *table);
    } else {
      fault(key.source(), fmt::format("'{0}' is for one table: write [{0}], once", key.str()));
    }
    return true;
  }
  const toml::array* array = node.as_array();
  if (array == nullptr || !array->is_array_of_tables()) {
    fault(key.source(), fmt::format("'{0}' is for tables: write [[{0}]], once for each", key.str()));
    return true;
  }
  for (const toml::node& item : *array) apply_one(*kind, *item.as_table());
  return true;
}

void SectionReader::apply_one(const ConfigTables& kind, const toml::table& table) {
  Configuration::Table& made = configuration_.tables.emplace_back();
  made.name = kind.name;
  made.place = place(table.source());
  made.app = std::make_unique<CLI::App>("", fmt::format("[{}]", kind.name));
  made.once = kind.once;
  made.app->set_help_flag();
  kind.define(*made.app);
  CLI::App& app = *made.app;
  SectionReader(app, app.get_name(), {}, configuration_).apply(table, KeysMay::kNotBeUnknown);
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_required() && !table.contains(long_name(*option))) {
      fault(table.source(), fmt::format("[[{}]] needs the key '{}'", kind.name, long_name(*option)));
    }
  }
}

void SectionReader::set(CLI::Option& option, const toml::key& key, const toml::node& node) {
  if (takes_members(option)) return set_members(option, key, node);
  const std::string name{key.str()};
  const auto* off = node.as_boolean();
  if (off != nullptr && !off->get() && takes_flag_value(option)) return;  // as if it were not there
  const auto values = all_as_typed(option, node);
  if (!values) {
    return fault(node.source(), fmt::format("{}: must be {}, not {}", name, wanted(option), kind_of(node)));
  }
  if (option.count() > 0 || given_otherwise(option, name)) return check_only(option, name, *values, node);
  try {
    give(option, *values);
  } catch (const CLI::ParseError& error) {
    option.clear();
    return fault(node.source(), reason(error));
  }
  note_origin(option, key);
}

void SectionReader::set_members(CLI::Option& option, const toml::key& key, const toml::node& node) {
  const toml::table* table = node.as_table();
  if (table == nullptr) {
    return fault(node.source(),
                 fmt::format("{}: must be {}, not {}", key.str(), wanted(option), kind_of(node)));
  }
  note_origin(option, key);
  std::vector<std::string> members;
  for (const auto& [name, item] : *table) {
    const auto value = to_json(item);
    if (!value) {
      fault(item.source(),
            fmt::format("{}.{}: dates and times are not taken here; write a string", key.str(), name.str()));
      continue;
    }
    members.push_back(member_text(name.str(), *value));
    if (const auto why = refused_by_validators(option, members.back())) {
      fault(name.source(), fmt::format("{}: {}", key.str(), *why));
      members.pop_back();
    }
  }
  if (members.size() == table->size() && !members.empty()) give(option, members);
}

void SectionReader::note_origin(CLI::Option& option, const toml::key& key) {
  configuration_.origins[&option] = {.kind = Origin::Kind::kFile,
                                     .variable = {},
                                     .place = place(key.source()),
                                     .section = section_.starts_with('[') ? "" : section_};
}

// A stronger place has decided, but what the file says should be right.
void SectionReader::check_only(CLI::Option& option, const std::string& name,
                               const std::vector<std::string>& values, const toml::node& node) {
  for (const std::string& value : values) {
    if (const auto why = refused_by_validators(option, value)) {
      return fault(node.source(), fmt::format("{}: {}", name, *why));
    }
  }
  if (is_repeatable(option) || is_flag(option)) return;
  const std::vector<std::string> decided = option.results();
  if (decided.empty()) return;  // by another option
  try {
    option.clear();
    give(option, values);
  } catch (const CLI::ParseError& error) {
    fault(node.source(), reason(error));
  }
  option.clear();
  give(option, decided);
}

// A value from a stronger place may have come in by another name: a token file
// instead of a token, a positional CHANNEL instead of --channel.
bool SectionReader::given_otherwise(const CLI::Option& option, const std::string& name) const {
  const CLI::Option* found = positional_of(app_, option);
  if (name == "token") found = app_.get_option_no_throw("--token-file");
  if (name == "token-file") found = app_.get_option_no_throw("--token");
  return found != nullptr && found->count() > 0;
}

// --- Faults ------------------------------------------------------------------

CLI::App* SectionReader::find_subcommand(const std::string& name) {
  const std::vector<CLI::App*> all = app_.get_subcommands([](const CLI::App*) { return true; });
  const auto has_keys = [](const CLI::App& app) {
    return std::ranges::any_of(app.get_options(), [](const CLI::Option* option) {
      return option->get_configurable() && !long_name(*option).empty();
    });
  };
  const auto found = std::ranges::find_if(
      all, [&](const CLI::App* app) { return app->get_name() == name && has_keys(*app); });
  return found == all.end() ? nullptr : *found;
}

FilePlace SectionReader::place(const toml::source_region& source) const {
  return {configuration_.file.string(), source.begin.line, source.begin.column};
}

std::string SectionReader::brackets() const {
  if (section_.empty() && group_.empty()) return {};
  return fmt::format(" in [{}{}{}]", section_, section_.empty() || group_.empty() ? "" : ".", group_);
}

void SectionReader::unknown(const toml::key& key) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app_.get_options()) {
    if (option->get_configurable() && !long_name(*option).empty()) names.push_back(long_name(*option));
  }
  for (const ConfigTables& kind : tables_) names.push_back(kind.name);
  const std::string near = nearest(key.str(), names);
  std::string remedy = fmt::format("did you mean '{}'?", near);
  if (near.empty() && names.size() > 12) {
    remedy = fmt::format("the keys are the long options of '{} --help'", app_.get_name());
  } else if (near.empty()) {
    remedy = fmt::format("there are {}", fmt::join(names, ", "));
  }
  fault(key.source(), fmt::format("unknown key '{}'{}; {}", key.str(), brackets(), remedy));
}

void SectionReader::fault(const toml::source_region& source, const std::string& message) {
  configuration_.errors.push_back({place(source), message});
}

}  // namespace wskit::cli
