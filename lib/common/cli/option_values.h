// Options whose values are durations, sizes, counts and rates: they parse by
// values.h, show their default in --help, and answer bad text with its reason.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

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

}  // namespace wskit::cli
