// How a channel treats its events. Constant once the channel is made.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/protocol/channel.h"

#include "wsserve/dedup_window.h"
#include "wsserve/history.h"

namespace wskit::server {

// What becomes of events for a subscriber slower than its channel.
enum class DeliveryMode : std::uint8_t {
  kLossless,  // nothing is skipped; past its queue limit the subscriber is closed with 4008
  kLatest,    // at most one event a key waits, and says how many it stands for
};

struct ChannelOptions {
  DeliveryMode delivery = DeliveryMode::kLossless;
  HistoryLimits history;
  DedupLimits dedup;
  // Its events are written to the server's store, if there is one, before they
  // are acknowledged and delivered.
  bool durable = true;

  bool operator==(const ChannelOptions&) const = default;
};

// The options of a channel by its name.
struct ChannelRules {
  ChannelOptions defaults;
  std::vector<protocol::Pattern> latest;  // delivered as kLatest

  [[nodiscard]] ChannelOptions options_for(std::string_view name) const {
    ChannelOptions options = defaults;
    for (const protocol::Pattern& pattern : latest) {
      if (pattern.matches(name)) options.delivery = DeliveryMode::kLatest;
    }
    return options;
  }
};

}  // namespace wskit::server
