// An option whose value in a configuration file is an inline table of names that
// nobody knows before: `when = { type = "alert", "/level" = [1, 2] }`.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace wskit::cli {

// `take` gets each member, in the order of their names, with its value: a string,
// a number, a truth value, or a list or table of these. It returns why the member
// is wrong; empty: it is right. It is asked more than once about the same one.
CLI::Option* add_members(
    CLI::App& app, const std::string& flag,
    std::function<std::string(const std::string& name, const nlohmann::json& value)> take,
    const std::string& description);

// The rest is for config_section.cc: CLI11 sees a member as one text.
[[nodiscard]] bool takes_members(const CLI::Option& option);
[[nodiscard]] std::string member_text(std::string_view name, const nlohmann::json& value);
// As it stands in TOML: `"/level" = [1, 2]`.
[[nodiscard]] std::string member_as_toml(const std::string& text);

}  // namespace wskit::cli
