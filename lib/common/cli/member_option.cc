#include "common/cli/member_option.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>
#include <vector>

namespace wskit::cli {
namespace {

constexpr const char* kTypeName = "TABLE";

std::string as_toml(const nlohmann::json& value) {
  std::vector<std::string> items;
  if (value.is_array()) {
    for (const auto& item : value) items.push_back(as_toml(item));
    return fmt::format("[{}]", fmt::join(items, ", "));
  }
  if (value.is_object()) {
    for (const auto& [name, item] : value.items()) {
      items.push_back(fmt::format("{} = {}", nlohmann::json(name).dump(), as_toml(item)));
    }
    return fmt::format("{{ {} }}", fmt::join(items, ", "));
  }
  return value.dump();
}

}  // namespace

CLI::Option* add_members(CLI::App& app, const std::string& flag,
                         std::function<std::string(const std::string&, const nlohmann::json&)> take,
                         const std::string& description) {
  const auto check = [take = std::move(take)](const std::string& text) {
    const auto member = nlohmann::json::parse(text);
    return take(member.items().begin().key(), member.items().begin().value());
  };
  const auto ignore = [](const std::vector<std::string>&) {};
  return app.add_option_function<std::vector<std::string>>(flag, ignore, description)
      ->type_name(kTypeName)
      ->check(check);
}

bool takes_members(const CLI::Option& option) { return option.get_type_name() == kTypeName; }

std::string member_text(std::string_view name, const nlohmann::json& value) {
  return nlohmann::json{{std::string(name), value}}.dump();
}

std::string member_as_toml(const std::string& text) {
  const auto member = nlohmann::json::parse(text);
  return fmt::format("{} = {}", nlohmann::json(member.items().begin().key()).dump(),
                     as_toml(member.items().begin().value()));
}

}  // namespace wskit::cli
