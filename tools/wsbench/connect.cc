#include "wsbench/connect.h"

#include <fmt/format.h>

#include <memory>

#include "wsbench/costs.h"
#include "wsbench/process_meter.h"

namespace wskit::bench {
namespace {

// A few connections that come and go, so that what a server sets up once is there.
constexpr std::uint32_t kRehearsal = 64;
// Then its memory must have been the same for a while.
constexpr Nanos kSettle = 300 * kMillisecond;

void rehearse(CrewPlan plan, const Server& server, Watch& watch) {
  plan.topology.subscribers = std::min(kRehearsal, plan.topology.subscribers);
  plan.connect_rate = 0;
  Crew crew(plan, server);
  crew.start();
  const bool open = crew.wait(watch, kConnectTimeout, [&crew](const CrewCounters& counters) {
    return counters.open == crew.connections();
  });
  if (open && watch.sleep_until(now() + kSettle)) crew.finish();
}

bool open_all(Crew& crew, PhaseWatch& watch) {
  watch.enter("connecting");
  crew.start();
  const bool open = crew.wait(watch, kConnectTimeout, [&crew](const CrewCounters& counters) {
    return counters.open + counters.failed == crew.connections();
  });
  if (!open && !watch.interrupted() && !crew.context().failed()) {
    const std::uint64_t missing = crew.connections() - crew.counters().open;
    crew.context().fail(Failure::Kind::kUnreachable, fmt::format("{} of {} connections did not open in time",
                                                                 missing, crew.connections()));
  }
  return open;
}

void put_cpu_per_connection(const Crew& crew, const CostSample& from, const CostSample& to,
                            Metrics& metrics) {
  const std::uint64_t open = crew.counters().open;
  if (open == 0 || to.server_cpu == 0) return;
  put(metrics, "server.cpu_us_per_conn",
      static_cast<double>(to.server_cpu - from.server_cpu) / 1e3 / static_cast<double>(open));
}

}  // namespace

RunResult run_connect(const CrewPlan& plan, const Server& server, Watch& watch,
                      const OnProgress& on_progress) {
  rehearse(plan, server, watch);
  Crew crew(plan, server);
  PhaseWatch told(watch, crew, on_progress);
  const CostSample before = sample_costs(server, crew, nullptr);
  const bool open = open_all(crew, told);
  const CostSample after = sample_costs(server, crew, nullptr);

  RunResult result;
  put_costs(server, before, after, result.metrics);
  put_cpu_per_connection(crew, before, after, result.metrics);
  crew.finish();
  put_connections(crew, crew.results(), open ? after.at - before.at : 0, result.metrics);
  result.failure = crew.context().failure();
  result.interrupted = told.interrupted();
  result.client_limited = judge_client(result.metrics);
  result.disturbed = judge_server(result.metrics);
  return result;
}

RunResult run_idle(const CrewPlan& plan, Nanos hold, const Server& server, Watch& watch,
                   const OnProgress& on_progress) {
  rehearse(plan, server, watch);
  Crew crew(plan, server);
  PhaseWatch told(watch, crew, on_progress);
  const auto memory_before = server.process ? process_memory(*server.process) : std::nullopt;
  const CostSample before = sample_costs(server, crew, nullptr);
  RunResult result;
  const bool open = open_all(crew, told);
  const CostSample opened = sample_costs(server, crew, nullptr);
  told.enter("settling");
  if (open && told.sleep_until(now() + kSettle)) {
    const CostSample from = sample_costs(server, crew, nullptr);
    told.enter("holding");
    const Nanos end = now() + hold;
    while (now() < end && !crew.context().failed() && told.sleep_until(std::min(now() + kSettle, end))) {
    }
    put_costs(server, from, sample_costs(server, crew, nullptr), result.metrics);
    const auto memory_after = server.process ? process_memory(*server.process) : std::nullopt;
    if (memory_before && memory_after) {
      const double grown = static_cast<double>(memory_after->anonymous_bytes) -
                           static_cast<double>(memory_before->anonymous_bytes);
      put(result.metrics, "server.rss_per_conn", grown / static_cast<double>(crew.counters().open));
    }
  }
  put_cpu_per_connection(crew, before, opened, result.metrics);
  crew.finish();
  put_connections(crew, crew.results(), open ? opened.at - before.at : 0, result.metrics);
  result.failure = crew.context().failure();
  result.interrupted = told.interrupted();
  return result;
}

}  // namespace wskit::bench
