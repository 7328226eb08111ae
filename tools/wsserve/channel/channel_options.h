// How a channel treats its events.
#pragma once

#include <cstdint>
#include <memory>

#include "common/protocol/json_path.h"

#include "wsserve/broker/dedup_window.h"
#include "wsserve/broker/history.h"
#include "wsserve/routing/route.h"

namespace wskit::server {

// What becomes of events for a subscriber slower than its channel.
enum class DeliveryMode : std::uint8_t {
  kLossless,  // nothing is skipped; past its queue limit the subscriber is closed with 4008
  kLatest,    // at most one event a key waits, and says how many it stands for
};

struct ChannelOptions {
  DeliveryMode delivery = DeliveryMode::kLossless;
  // What memory holds of it.
  HistoryLimits history;
  // What the store keeps of it, if it is durable: only what somebody has asked for is a
  // limit here, and none is by default.
  HistoryLimits stored = kNoHistoryLimits;
  DedupLimits dedup;
  // Its events are written to the server's store, if there is one, before they
  // are acknowledged and delivered.
  bool durable = true;
  // Where in `data` the key of an event that brings none is; null: nowhere.
  // Shared by all channels of a rule.
  std::shared_ptr<const protocol::JsonPath> key;
  // By which its events go to other channels too; null: none.
  routing::ChannelRoutesPtr routes;

  bool operator==(const ChannelOptions&) const = default;
};

}  // namespace wskit::server
