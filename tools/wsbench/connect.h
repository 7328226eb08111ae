// The scenarios about connections: `connect` (how fast they open, what one costs) and
// `idle` (what one costs that does nothing).
//
// Threads: one; they start and end their own.
#pragma once

#include "wsbench/costs.h"
#include "wsbench/crew.h"
#include "wsbench/result.h"

namespace wskit::bench {

// The crew's topology has no publishers.
[[nodiscard]] RunResult run_connect(const CrewPlan& plan, const Server& server, Watch& watch,
                                    const OnProgress& on_progress);

// Holds the connections for `hold`. The memory before is that of a server which has
// already served, and lost, a few connections.
[[nodiscard]] RunResult run_idle(const CrewPlan& plan, Nanos hold, const Server& server, Watch& watch,
                                 const OnProgress& on_progress);

}  // namespace wskit::bench
