// How a channel treats its events.
#pragma once

#include <cstdint>
#include <memory>

#include "common/protocol/json_path.h"

#include "wsserve/broker/dedup_window.h"
#include "wsserve/broker/history.h"
#include "wsserve/routing/route.h"

namespace wskit::server {

// The rule for events that a subscriber is too slow for.
enum class DeliveryMode : std::uint8_t {
  kLossless,  // nothing is skipped; past its queue limit the subscriber is closed with 4008
  kLatest,    // at most one event a key waits, and says how many it stands for
};

struct ChannelOptions {
  DeliveryMode delivery = DeliveryMode::kLossless;
  // The limits of the history in memory.
  HistoryLimits history;
  // The limits of the history in the store, if the channel is durable. Only a limit that
  // somebody has asked for applies, and there is none by default.
  HistoryLimits stored = kNoHistoryLimits;
  DedupLimits dedup;
  // Its events are written to the server's store, if there is one, before they
  // are acknowledged and delivered.
  bool durable = true;
  // The path in `data` to the key of an event that brings none; null: there is no key.
  // Shared by all channels of a rule.
  std::shared_ptr<const protocol::JsonPath> key;
  // By which its events go to other channels too; null: none.
  routing::ChannelRoutesPtr routes;

  bool operator==(const ChannelOptions&) const = default;
};

}  // namespace wskit::server
