// What came of one run.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wsbench/metrics.h"
#include "wsbench/run_context.h"
#include "wsbench/sequence_check.h"

namespace wskit::bench {

// One second of the measured time.
struct SeriesPoint {
  Nanos at = 0;  // since measuring began
  std::uint64_t deliveries = 0;
  std::uint64_t acks = 0;
  Nanos server_cpu = 0;
};

struct RunResult {
  Metrics metrics;
  Faults faults;  // of the whole run, warm-up included
  std::vector<SeriesPoint> series;
  std::optional<Failure> failure;
  bool interrupted = false;    // ended by a signal: the rest is of what was measured until then
  std::string disturbed;       // why the server had not all of its CPU; empty: it had
  std::string client_limited;  // why the client and not the server was the limit; empty: it was not
};

}  // namespace wskit::bench
