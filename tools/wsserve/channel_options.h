// How a channel treats its events. Constant once the channel is made.
#pragma once

#include "wsserve/dedup_window.h"
#include "wsserve/history.h"

namespace wskit::server {

struct ChannelOptions {
  HistoryLimits history;
  DedupLimits dedup;

  bool operator==(const ChannelOptions&) const = default;
};

}  // namespace wskit::server
