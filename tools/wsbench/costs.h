// What a run costs both sides between two moments, and what its connections took,
// as metrics.
#pragma once

#include <vector>

#include "wsbench/crew.h"
#include "wsbench/metrics.h"
#include "wsbench/pacer.h"
#include "wsbench/process_meter.h"

namespace wskit::bench {

struct CostSample {
  Nanos at = 0;
  Nanos server_cpu = 0;  // 0 where the process is not known
  Nanos server_waited = 0;
  std::vector<ThreadLoad> loads;
};

// `pacer` may be null.
[[nodiscard]] CostSample sample_costs(const Server& server, const Crew& crew, const Pacer* pacer);

// client.cpu, client.cpu_max_thread, client.rss, server.cpu, server.cpu_wait, server.rss.
void put_costs(const Server& server, const CostSample& from, const CostSample& to, Metrics& metrics);

// conn.*; `took`: until all were open.
void put_connections(const Crew& crew, const WorkerResults& results, Nanos took, Metrics& metrics);

// Leaves out a distribution without values.
void put(Metrics& metrics, std::string_view name, double value);
void put(Metrics& metrics, std::string_view name, std::uint64_t value);
void put(Metrics& metrics, std::string_view name, const Histogram& histogram);

// Why the client was the limit, by these metrics; empty: it was not.
[[nodiscard]] std::string judge_client(const Metrics& metrics);

// Why the server had not all of its CPU; empty: it had, or is not known.
[[nodiscard]] std::string judge_server(const Metrics& metrics);

// The watch as the scenarios use it: says where the run stands before each sleep, and
// remembers that it was interrupted.
struct Progress {
  std::string_view phase;
  CrewCounters counters;
  Nanos at = 0;
};
using OnProgress = std::function<void(const Progress&)>;

class PhaseWatch final : public Watch {
 public:
  // All outlive it. `on_progress` may be empty.
  PhaseWatch(Watch& watch, const Crew& crew, const OnProgress& on_progress)
      : watch_(watch), crew_(crew), on_progress_(on_progress) {}

  void enter(std::string_view phase) { phase_ = phase; }
  [[nodiscard]] bool sleep_until(Nanos time) override;
  [[nodiscard]] bool interrupted() const { return interrupted_; }

 private:
  Watch& watch_;
  const Crew& crew_;
  const OnProgress& on_progress_;
  std::string_view phase_;
  bool interrupted_ = false;
};

}  // namespace wskit::bench
