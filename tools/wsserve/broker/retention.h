// What is kept of a log.
//
// Threads: plain values.
#pragma once

#include "wsserve/broker/dedup_window.h"
#include "wsserve/broker/history.h"

namespace wskit::server::broker {

// `history` says which events may be read, `dedup` which ids and sequences must be
// remembered. As in a History, a zero number keeps nothing and a zero age means for ever.
struct Retention {
  HistoryLimits history;
  DedupLimits dedup;

  bool operator==(const Retention&) const = default;
};

}  // namespace wskit::server::broker
