// The scenario `fanout`: publishers → channels → subscribers, at a rate (open loop)
// or with a number of events in flight (closed loop). Without subscribers it measures
// acknowledgements.
//
// Threads: one; it starts and ends its own.
#pragma once

#include "wsbench/costs.h"
#include "wsbench/crew.h"
#include "wsbench/result.h"
#include "wsbench/schedule.h"

namespace wskit::bench {

struct FanoutPlan {
  CrewPlan crew;      // its window decides which loop it is
  double rate = 100;  // open loop: of each publisher
  Arrival arrival;    // open loop
  std::uint64_t seed = 1;
  Nanos warm_up = 2 * kSecond;
  Nanos duration = 10 * kSecond;
  Nanos drain = 2 * kSecond;
};

// Throws std::runtime_error where the run cannot begin (a host that is not known).
[[nodiscard]] RunResult run_fanout(const FanoutPlan& plan, const Server& server, Watch& watch,
                                   const OnProgress& on_progress);

}  // namespace wskit::bench
