#include "common/cli/option_values.h"

#include <fmt/core.h>

#include <CLI/App.hpp>
#include <algorithm>

namespace wskit::cli {
namespace {

using std::chrono::nanoseconds;

// The option's name in an error: the last, and so the long one.
std::string last_name(const std::string& flags) { return flags.substr(flags.rfind(',') + 1); }

// More than anybody types, and for CLI11 "without a limit".
constexpr int kManyValues = 1 << 28;

// An option that parses by `parse` and stores into `value`; the parser's reason
// becomes CLI11's, which puts the option's name before it.
template <class Value, class Parse>
CLI::Option* add_parsed(CLI::App& app, const std::string& flags, Value& value, Parse parse,
                        const std::string& type_name, const std::string& default_text,
                        const std::string& description) {
  CLI::Option* option = app.add_option_function<std::string>(
      flags,
      [&value, parse, flags](const std::string& text) {
        auto parsed = parse(text);
        if (!parsed) throw CLI::ValidationError(last_name(flags), parsed.error().message);
        value = *parsed;
      },
      description);
  option->type_name(type_name);
  if (!default_text.empty()) option->default_str(default_text);
  return option;
}

template <class Value, class Format>
std::string default_text(const std::optional<Value>& value, Format format) {
  return value ? format(*value) : std::string{};
}

std::string format_count(std::uint64_t count) { return std::to_string(count); }

}  // namespace

CLI::Option* add_duration(CLI::App& app, const std::string& flags, nanoseconds& value,
                          const std::string& description) {
  return add_parsed(app, flags, value, parse_duration, "T", format_duration(value), description);
}

CLI::Option* add_duration(CLI::App& app, const std::string& flags, std::optional<nanoseconds>& value,
                          const std::string& description) {
  return add_parsed(app, flags, value, parse_duration, "T", default_text(value, format_duration),
                    description);
}

CLI::Option* add_duration_range(CLI::App& app, const std::string& flags, DurationRange& value,
                                const std::string& description) {
  const std::string text = format_duration(value.from) + ".." + format_duration(value.to);
  return add_parsed(app, flags, value, parse_duration_range, "T..T", text, description);
}

CLI::Option* add_size(CLI::App& app, const std::string& flags, std::uint64_t& value,
                      const std::string& description) {
  return add_parsed(app, flags, value, parse_size, "SIZE", format_size(value), description);
}

CLI::Option* add_size(CLI::App& app, const std::string& flags, std::optional<std::uint64_t>& value,
                      const std::string& description) {
  return add_parsed(app, flags, value, parse_size, "SIZE", default_text(value, format_size), description);
}

CLI::Option* add_count(CLI::App& app, const std::string& flags, std::uint64_t& value,
                       const std::string& description) {
  return add_parsed(app, flags, value, parse_count, "N", format_count(value), description);
}

CLI::Option* add_count(CLI::App& app, const std::string& flags, std::optional<std::uint64_t>& value,
                       const std::string& description) {
  return add_parsed(app, flags, value, parse_count, "N", default_text(value, format_count), description);
}

CLI::Option* add_rate(CLI::App& app, const std::string& flags, std::optional<double>& value,
                      const std::string& description) {
  return add_parsed(app, flags, value, parse_rate, "RATE",
                    default_text(value, [](double rate) { return fmt::format("{:g}", rate); }), description);
}

CLI::Option* add_speed(CLI::App& app, const std::string& flags, std::optional<double>& value,
                       const std::string& description) {
  return add_parsed(app, flags, value, parse_speed, "X", default_text(value, format_speed), description);
}

CLI::Option* add_texts(CLI::App& app, const std::string& flags, std::vector<std::string>& values,
                       const std::string& value_name, const std::string& description) {
  CLI::Option* option = app.add_option(
      flags,
      [&values](const CLI::results_t& results) {
        values.insert(values.end(), results.begin(), results.end());
        return true;
      },
      description);
  // Without extra arguments CLI11 takes one positional and no more.
  option->type_name(value_name)->expected(1, kManyValues)->allow_extra_args(!flags.starts_with('-'));
  return option;
}

CLI::Option* add_text(CLI::App& app, const std::string& flags, std::string& value,
                      const std::string& value_name, const std::string& description, Empty empty) {
  CLI::Option* option = app.add_option(
      flags,
      [&value, flags, empty](const CLI::results_t& results) {
        if (results.back().empty() && empty == Empty::kRefused) {
          throw CLI::ValidationError(last_name(flags), "the value is empty: is a variable not set?");
        }
        value = results.back();
        return true;
      },
      description);
  option->type_name(value_name)->allow_extra_args(false);
  if (!value.empty()) option->default_str(value);
  return option;
}

CLI::Option* add_choice(CLI::App& app, const std::string& flags, const std::vector<std::string>& words,
                        std::size_t initial, std::function<void(std::size_t)> chosen,
                        const std::string& description) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : "|") + word;
  CLI::Option* option = app.add_option_function<std::string>(
      flags,
      [words, joined, flags, chosen = std::move(chosen)](const std::string& text) {
        const auto found = std::find(words.begin(), words.end(), text);
        if (found == words.end()) {
          throw CLI::ValidationError(last_name(flags), fmt::format("'{}' is not one of {}", text, joined));
        }
        chosen(static_cast<std::size_t>(found - words.begin()));
      },
      description);
  option->type_name(joined)->default_str(words.at(initial));
  return option;
}

}  // namespace wskit::cli
