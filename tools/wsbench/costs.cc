#include "wsbench/costs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace wskit::bench {
namespace {

constexpr double kBusy = 0.85;
constexpr double kDisturbed = 0.05;

}  // namespace

CostSample sample_costs(const Server& server, const Crew& crew, const Pacer* pacer) {
  CostSample sample;
  sample.loads = crew.loads();
  if (pacer != nullptr) sample.loads.push_back(pacer->load());
  if (server.process) {
    sample.server_cpu = process_cpu(*server.process).value_or(0);
    sample.server_waited = process_wait(*server.process).value_or(0);
  }
  sample.at = now();
  return sample;
}

void put_costs(const Server& server, const CostSample& from, const CostSample& to, Metrics& metrics) {
  const double seconds = static_cast<double>(to.at - from.at) / 1e9;
  if (seconds <= 0) return;
  double all = 0;
  double busiest = 0;
  for (std::size_t thread = 0; thread < std::min(from.loads.size(), to.loads.size()); ++thread) {
    const auto cpu = static_cast<double>(to.loads[thread].cpu - from.loads[thread].cpu) / 1e9;
    const auto waited = static_cast<double>(to.loads[thread].waited - from.loads[thread].waited) / 1e9;
    all += cpu / seconds;
    busiest = std::max(busiest, (cpu + waited) / seconds);
  }
  put(metrics, "client.cpu", all);
  put(metrics, "client.cpu_max_thread", busiest);
  if (const auto memory = process_memory(getpid())) put(metrics, "client.rss", memory->resident_bytes);
  if (!server.process) return;
  put(metrics, "server.cpu", static_cast<double>(to.server_cpu - from.server_cpu) / 1e9 / seconds);
  put(metrics, "server.cpu_wait", static_cast<double>(to.server_waited - from.server_waited) / 1e9 / seconds);
  if (const auto memory = process_memory(*server.process)) put(metrics, "server.rss", memory->resident_bytes);
}

void put_connections(const Crew& crew, const WorkerResults& results, Nanos took, Metrics& metrics) {
  const CrewCounters counters = crew.counters();
  put(metrics, "conn.attempted", std::uint64_t{crew.connections()});
  put(metrics, "conn.ok", counters.open);
  put(metrics, "conn.failed", counters.failed);
  put(metrics, "conn.lost", counters.lost);
  if (took > 0)
    put(metrics, "conn.rate", static_cast<double>(counters.open) / (static_cast<double>(took) / 1e9));
  put(metrics, "conn.tcp", results.tcp);
  put(metrics, "conn.tls", results.tls);
  put(metrics, "conn.upgrade", results.upgrade);
  put(metrics, "conn.subscribe", results.subscribe);
  put(metrics, "conn.total", results.total);
}

void put(Metrics& metrics, std::string_view name, double value) {
  metrics.values.insert_or_assign(std::string(name), value);
}

void put(Metrics& metrics, std::string_view name, std::uint64_t value) {
  put(metrics, name, static_cast<double>(value));
}

void put(Metrics& metrics, std::string_view name, const Histogram& histogram) {
  if (histogram.count() != 0) metrics.distributions.insert_or_assign(std::string(name), histogram);
}

std::string judge_client(const Metrics& metrics) {
  const double busiest = metrics.find("client.cpu_max_thread").value_or(0);
  if (busiest > kBusy) return fmt::format("a client thread was {:.0f} % busy", busiest * 100);
  const double lag = metrics.find("pub.lag.p99").value_or(0);
  const double latency = metrics.find("delivery.latency.p99").value_or(0);
  if (lag > std::max(static_cast<double>(kMillisecond), latency / 10)) {
    return fmt::format("events left {} late (p99)", format_metric(lag, Unit::kNanos));
  }
  return {};
}

std::string judge_server(const Metrics& metrics) {
  const double waited = metrics.find("server.cpu_wait").value_or(0);
  if (waited <= kDisturbed) return {};
  return fmt::format("the server waited for a CPU {:.0f} % of the time", waited * 100);
}

bool PhaseWatch::sleep_until(Nanos time) {
  if (on_progress_) on_progress_({phase_, crew_.counters(), now()});
  const bool going = watch_.sleep_until(time);
  if (!going) interrupted_ = true;
  return going;
}

}  // namespace wskit::bench
