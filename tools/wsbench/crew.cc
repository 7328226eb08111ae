#include "wsbench/crew.h"

#include <random>

#include "common/websocket/handshake.h"

namespace wskit::bench {
namespace {

constexpr Nanos kLook = kMillisecond;

void add(WorkerResults& sum, const WorkerResults& part) {
  sum.tcp.merge(part.tcp);
  sum.tls.merge(part.tls);
  sum.upgrade.merge(part.upgrade);
  sum.subscribe.merge(part.subscribe);
  sum.total.merge(part.total);
  sum.latency.merge(part.latency);
  sum.service.merge(part.service);
  sum.ack.merge(part.ack);
  sum.lag.merge(part.lag);
  sum.delivered_bytes += part.delivered_bytes;
}

}  // namespace

Crew::Crew(const CrewPlan& plan, const Server& server) : plan_(plan), adapter_(server.adapter) {
  const std::uint32_t run = std::random_device{}();
  context_.topology = plan.topology;
  context_.adapter = adapter_.get();
  context_.run = run_text(run);
  context_.base = now();
  context_.acknowledged = plan.acknowledged;
  context_.open_loop = !plan.window;
  context_.connect.endpoint = resolve(server.url);
  context_.connect.host = server.url.host_header();
  context_.connect.headers = server.headers;
  context_.connect.tls = {server.tls, server.url.host};
  context_.connect.key = kSharedKey;
  context_.connect.accept = websocket::accept_token(kSharedKey);
  context_.connect.per_second = plan.connect_rate / static_cast<double>(plan.threads);
  context_.connect.subscribe = plan.subscribe;
  const EventShape shape{plan.topology, plan.delivered_bytes, plan.acknowledged};
  for (std::uint32_t index = 0; index < plan.topology.publishers; ++index) {
    context_.publishers.push_back(
        std::make_unique<Publisher>(PublisherPlan{run, static_cast<std::uint16_t>(index), context_.base,
                                                  plan.topology, plan.acknowledged, plan.window},
                                    adapter_->encoder(shape)));
  }
  for (std::size_t thread = 0; thread < plan.threads; ++thread) {
    workers_.push_back(std::make_unique<Worker>(context_));
  }
  for (std::uint32_t index = 0; index < plan.topology.publishers; ++index) {
    workers_[index % plan.threads]->add_publisher(index, connections_++);
  }
  for (std::uint32_t index = 0; index < plan.topology.subscribers; ++index) {
    workers_[index % plan.threads]->add_subscriber(index, connections_++);
  }
}

Crew::~Crew() { finish(); }

void Crew::start() {
  for (std::size_t thread = 0; thread < workers_.size(); ++thread) {
    std::vector<int> cpu;
    if (!plan_.cpus.empty()) cpu.push_back(plan_.cpus[thread % plan_.cpus.size()]);
    workers_[thread]->start(std::move(cpu));
  }
}

bool Crew::wait(Watch& watch, Nanos timeout, const Condition& reached) {
  const auto progress = [](const CrewCounters& counters) {
    return counters.open + counters.failed + counters.probed + counters.deliveries + counters.acks;
  };
  CrewCounters seen = counters();
  Nanos moved = now();
  while (!reached(seen)) {
    if (context_.failed() || now() - moved > timeout || !watch.sleep_until(now() + kLook)) return false;
    const CrewCounters latest = counters();
    if (progress(latest) != progress(seen)) moved = now();
    seen = latest;
  }
  return true;
}

void Crew::poke() {
  for (const auto& worker : workers_) worker->poke();
}

void Crew::finish() {
  context_.leaving.store(true, std::memory_order_release);
  for (const auto& worker : workers_) worker->stop();
  for (const auto& worker : workers_) worker->join();
}

CrewCounters Crew::counters() const {
  CrewCounters sum;
  for (const auto& worker : workers_) {
    const WorkerCounters& counters = worker->counters();
    sum.open += counters.open.load();
    sum.failed += counters.failed.load();
    sum.lost += counters.lost.load();
    sum.probed += counters.probed.load();
    sum.deliveries += counters.deliveries.load(std::memory_order_relaxed);
    sum.acks += counters.acks.load(std::memory_order_relaxed);
  }
  return sum;
}

std::vector<ThreadLoad> Crew::loads() const {
  std::vector<ThreadLoad> loads;
  for (const auto& worker : workers_) loads.push_back(worker->load());
  return loads;
}

WorkerResults Crew::results() const {
  WorkerResults sum;
  for (const auto& worker : workers_) {
    add(sum, worker->results());
    sum.faults += worker->faults();
  }
  return sum;
}

}  // namespace wskit::bench
