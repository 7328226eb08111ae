// Options whose values are durations, sizes, counts and rates: they parse by
// values.h, show their default in --help, and answer bad text with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/cli/values.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace wskit::cli {

// The variable's value at the call is the default that --help shows; an
// optional without a value shows none. The variable must outlive the parsing.
CLI::Option* add_duration(CLI::App& app, const std::string& flags, std::chrono::nanoseconds& value,
                          const std::string& description);
CLI::Option* add_duration(CLI::App& app, const std::string& flags,
                          std::optional<std::chrono::nanoseconds>& value, const std::string& description);
CLI::Option* add_duration_range(CLI::App& app, const std::string& flags, DurationRange& value,
                                const std::string& description);
CLI::Option* add_size(CLI::App& app, const std::string& flags, std::uint64_t& value,
                      const std::string& description);
CLI::Option* add_size(CLI::App& app, const std::string& flags, std::optional<std::uint64_t>& value,
                      const std::string& description);
CLI::Option* add_count(CLI::App& app, const std::string& flags, std::uint64_t& value,
                       const std::string& description);
CLI::Option* add_count(CLI::App& app, const std::string& flags, std::optional<std::uint64_t>& value,
                       const std::string& description);
CLI::Option* add_rate(CLI::App& app, const std::string& flags, std::optional<double>& value,
                      const std::string& description);
CLI::Option* add_speed(CLI::App& app, const std::string& flags, std::optional<double>& value,
                       const std::string& description);

// Texts, one a mention, appended to `values`. They are taken as they are (CLI11
// itself would read `[a,b]` as two and `{}` as none). `flags` is either names of an
// option or the name of a positional, not both: a positional takes all that are
// there, and for it `[a,b]` stays two.
CLI::Option* add_texts(CLI::App& app, const std::string& flags, std::vector<std::string>& values,
                       const std::string& value_name, const std::string& description);
// Of an option without which something else would be done in silence an empty text is
// refused: `--journal "$FILE"` where the variable is not set.
enum class Empty : bool { kRefused, kAllowed };
// One text taken as it is.
CLI::Option* add_text(CLI::App& app, const std::string& flags, std::string& value,
                      const std::string& value_name, const std::string& description,
                      Empty empty = Empty::kRefused);

// One of a few words. `chosen` gets the index of the word.
CLI::Option* add_choice(CLI::App& app, const std::string& flags, const std::vector<std::string>& words,
                        std::size_t initial, std::function<void(std::size_t)> chosen,
                        const std::string& description);

template <class Enum>
CLI::Option* add_choice(CLI::App& app, const std::string& flags, Enum& value,
                        std::initializer_list<std::pair<const char*, Enum>> choices,
                        const std::string& description) {
  std::vector<std::string> words;
  std::vector<Enum> values;
  std::size_t initial = 0;
  for (const auto& [word, meaning] : choices) {
    if (meaning == value) initial = words.size();
    words.emplace_back(word);
    values.push_back(meaning);
  }
  return add_choice(
      app, flags, words, initial, [&value, values](std::size_t index) { value = values.at(index); },
      description);
}

}  // namespace wskit::cli
