#include "wsserve/channel/channel_rules.h"

#include <algorithm>

namespace wskit::server {

bool ChannelRule::matches(std::string_view channel) const {
  return std::ranges::any_of(patterns, [&](const auto& pattern) { return pattern.matches(channel); });
}

void ChannelRule::apply(ChannelOptions& options) const {
  options.history.max_events = max_events.value_or(options.history.max_events);
  options.history.max_bytes = max_bytes.value_or(options.history.max_bytes);
  options.history.max_age = max_age.value_or(options.history.max_age);
  options.stored.max_events = max_events.value_or(options.stored.max_events);
  options.stored.max_bytes = max_bytes.value_or(options.stored.max_bytes);
  options.stored.max_age = max_age.value_or(options.stored.max_age);
  options.dedup.max_ids = dedup_ids.value_or(options.dedup.max_ids);
  options.dedup.max_age = dedup_age.value_or(options.dedup.max_age);
  options.dedup.max_producers = dedup_producers.value_or(options.dedup.max_producers);
  options.delivery = delivery.value_or(options.delivery);
  options.durable = durable.value_or(options.durable);
  if (key != nullptr) options.key = key;
}

ChannelOptions ChannelRules::options_for(std::string_view channel) const {
  ChannelOptions options = defaults;
  for (const ChannelRule& rule : rules) {
    if (rule.matches(channel)) rule.apply(options);
  }
  options.routes = routing::routes_for(routes, channel);
  return options;
}

}  // namespace wskit::server
