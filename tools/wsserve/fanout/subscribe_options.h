// The wishes in the query of an upgrade or of an event stream, beside the channels.
//
// Threads: a plain value.
#pragma once

#include <chrono>
#include <optional>

#include "common/protocol/position.h"
#include "wsserve/fanout/pace.h"
#include "wsserve/fanout/type_filter.h"

namespace wskit::server {

struct SubscribeOptions {
  TypeFilterPtr filter;                                // default of later subscriptions too
  Pace pace;                                           // the same
  std::optional<std::chrono::milliseconds> heartbeat;  // 0: no JSON heartbeats
  protocol::Since since;
  // The channels are the server's defaults, not asked for by the address.
  bool defaults = false;
};

}  // namespace wskit::server
