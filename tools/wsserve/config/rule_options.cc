#include "wsserve/config/rule_options.h"

#include <CLI/App.hpp>

#include "common/cli/option_values.h"

namespace wskit::server {
namespace {

std::string check_key_path(const std::string& text) {
  const auto parsed = protocol::JsonPath::parse(text);
  return parsed ? std::string() : parsed.error().message;
}

template <class To, class From>
std::optional<To> convert(const std::optional<From>& value) {
  return value ? std::optional<To>(*value) : std::nullopt;
}

std::optional<std::chrono::microseconds> micros(const std::optional<std::chrono::nanoseconds>& value) {
  return value ? std::optional(std::chrono::floor<std::chrono::microseconds>(*value)) : std::nullopt;
}

}  // namespace

std::string check_pattern(const std::string& text) {
  const auto parsed = protocol::Pattern::parse(text);
  return parsed ? std::string() : parsed.error().message;
}

void add_rule_options(CLI::App& table, RuleOptions& options) {
  options.table = &table;
  table.add_option("--pattern", options.patterns, "The channels that the rule is for")
      ->type_name("PATTERN")
      ->check(check_pattern)
      ->required();
  cli::add_count(table, "--history", options.history, "As the option");
  cli::add_size(table, "--history-bytes", options.history_bytes, "As the option");
  cli::add_duration(table, "--history-ttl", options.history_ttl, "As the option");
  cli::add_count(table, "--dedup-ids", options.dedup_ids, "As the option");
  cli::add_duration(table, "--dedup-ttl", options.dedup_ttl, "As the option");
  cli::add_count(table, "--dedup-producers", options.dedup_producers, "As the option");
  const std::vector<std::string> modes{"lossless", "latest"};
  cli::add_choice(
      table, "--delivery", modes, 0,
      [&options](std::size_t index) {
        options.delivery = index == 0 ? DeliveryMode::kLossless : DeliveryMode::kLatest;
      },
      "What becomes of events for a slow subscriber");
  table.add_flag_function(
      "--durable", [&options](std::int64_t count) { options.durable = count > 0; },
      "Whether the store keeps its events");
  cli::add_text(table, "--key", options.key, "PATH", "Where in data the key is")->check(check_key_path);
}

ChannelRule to_rule(const RuleOptions& options) {
  ChannelRule rule;
  for (const std::string& text : options.patterns) rule.patterns.push_back(*protocol::Pattern::parse(text));
  rule.max_events = convert<std::size_t>(options.history);
  rule.max_bytes = convert<std::size_t>(options.history_bytes);
  rule.max_age = micros(options.history_ttl);
  rule.dedup_ids = convert<std::size_t>(options.dedup_ids);
  rule.dedup_age = micros(options.dedup_ttl);
  rule.dedup_producers = convert<std::size_t>(options.dedup_producers);
  rule.delivery = options.delivery;
  rule.durable = options.durable;
  if (!options.key.empty()) {
    rule.key = std::make_shared<const protocol::JsonPath>(*protocol::JsonPath::parse(options.key));
  }
  return rule;
}

}  // namespace wskit::server
