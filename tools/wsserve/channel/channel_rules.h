// Which channels are treated how: what holds for all, and rules by pattern.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "common/protocol/channel.h"
#include "wsserve/channel/channel_options.h"

namespace wskit::server {

// One rule: each option that it sets replaces the default, the others stay as they are.
struct ChannelRule {
  std::vector<protocol::Pattern> patterns;  // one that matches is enough
  std::optional<std::size_t> max_events;
  std::optional<std::size_t> max_bytes;
  std::optional<std::chrono::microseconds> max_age;
  std::optional<std::size_t> dedup_ids;
  std::optional<std::chrono::microseconds> dedup_age;
  std::optional<std::size_t> dedup_producers;
  std::optional<DeliveryMode> delivery;
  std::optional<bool> durable;
  std::shared_ptr<const protocol::JsonPath> key;  // null: says nothing of it

  [[nodiscard]] bool matches(std::string_view channel) const;
  void apply(ChannelOptions& options) const;
};

struct ChannelRules {
  ChannelOptions defaults;
  // Each in turn, so that the last one to say something wins.
  std::vector<ChannelRule> rules;
  // All that match count; there is no loop in them.
  std::vector<routing::RoutePtr> routes;

  [[nodiscard]] ChannelOptions options_for(std::string_view channel) const;
};

}  // namespace wskit::server
