// One [[channel]] table of the configuration file: as it was written, and what it
// means.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wsserve/channel/channel_rules.h"

namespace CLI {
class App;
}

namespace wskit::server {

struct RuleOptions {
  const CLI::App* table = nullptr;  // where it was read
  std::vector<std::string> patterns;
  std::optional<std::uint64_t> history;
  std::optional<std::uint64_t> history_bytes;
  std::optional<std::chrono::nanoseconds> history_ttl;
  std::optional<std::uint64_t> dedup_ids;
  std::optional<std::chrono::nanoseconds> dedup_ttl;
  std::optional<std::uint64_t> dedup_producers;
  std::optional<DeliveryMode> delivery;
  std::optional<bool> durable;
  std::string key;
};

// The keys of the table; `options` must outlive the reading.
void add_rule_options(CLI::App& table, RuleOptions& options);

// REQUIRES: every value was found right when it was read.
[[nodiscard]] ChannelRule to_rule(const RuleOptions& options);

// For CLI11: why the text is no channel or pattern; empty: it is one.
[[nodiscard]] std::string check_pattern(const std::string& text);

}  // namespace wskit::server
