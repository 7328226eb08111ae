// What the server counts, in Prometheus' text format (docs/operations.md,
// "Metrics").
//
// Threads: pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "wsserve/status/process_figures.h"
#include "wsserve/status/stats.h"

namespace wskit::server {

struct MetricsInput {
  std::span<const ShardCounters* const> shards;
  HubFigures hub;
  std::optional<broker::Figures> store;  // nothing: there is none
  std::optional<ProcessFigures> process;
  std::uint64_t audit_lost = 0;
  std::uint64_t log_lost = 0;
  std::uint64_t exceptions = 0;  // caught at a boundary
  bool draining = false;
  std::int64_t certificate_expires = 0;  // in seconds since 1970; 0: no TLS
};

[[nodiscard]] std::string metrics_text(const MetricsInput& input);

}  // namespace wskit::server
