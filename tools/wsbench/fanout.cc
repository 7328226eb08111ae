#include "wsbench/fanout.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "wsbench/costs.h"
#include "wsbench/pacer.h"

namespace wskit::bench {
namespace {

constexpr Nanos kProbeTimeout = kSecond;
constexpr int kProbes = 5;
constexpr Nanos kTick = 100 * kMillisecond;
// An open loop begins this much after the decision, so that nothing is late at once.
constexpr Nanos kStartDelay = 5 * kMillisecond;

// What was counted at one moment.
struct Snapshot {
  CostSample costs;
  CrewCounters counters;
  std::uint64_t sent = 0;
};

class FanoutRun {
 public:
  FanoutRun(const FanoutPlan& plan, const Server& server, Watch& watch, const OnProgress& on_progress)
      : plan_(plan), server_(server), crew_(plan.crew, server), watch_(watch, crew_, on_progress) {}

  RunResult run() {
    crew_.start();
    if (open_connections() && probe()) {
      start();
      measure();
      drain();
    }
    if (pacer_) pacer_->stop();
    crew_.finish();
    report();
    return std::move(result_);
  }

 private:
  [[nodiscard]] bool acknowledged() const { return plan_.crew.acknowledged; }
  [[nodiscard]] auto& publishers() { return crew_.context().publishers; }

  bool open_connections() {
    began_ = now();
    const bool open = wait("connecting", kConnectTimeout, [this](const CrewCounters& counters) {
      return counters.open == crew_.connections();
    });
    opened_ = now();
    if (!open && !stopped()) {
      const CrewCounters counters = crew_.counters();
      crew_.context().fail(Failure::Kind::kUnreachable,
                           fmt::format("{} of {} connections did not open in time",
                                       crew_.connections() - counters.open, crew_.connections()));
    }
    return open;
  }

  // Each subscriber must have got something before anything is measured.
  bool probe() {
    const std::uint64_t listeners = acknowledged() ? publishers().size() : plan_.crew.topology.subscribers;
    for (int attempt = 0; attempt < kProbes; ++attempt) {
      for (const auto& publisher : publishers()) publisher->probe();
      crew_.poke();
      if (wait("probing", kProbeTimeout,
               [listeners](const CrewCounters& counters) { return counters.probed >= listeners; })) {
        return true;
      }
      if (stopped()) return false;
    }
    crew_.context().fail(Failure::Kind::kRefused,
                         fmt::format("{} of {} {} got no probe: does the server deliver what is published?",
                                     listeners - crew_.counters().probed, listeners,
                                     acknowledged() ? "publishers" : "subscribers"));
    return false;
  }

  void start() {
    const Nanos begin = now() + kStartDelay;
    RunContext& context = crew_.context();
    from_ = begin + plan_.warm_up;
    to_ = from_ + plan_.duration;
    context.measure_from.store(from_ - context.base);
    context.measure_to.store(to_ - context.base);
    const bool open_loop = context.open_loop;
    for (std::size_t index = 0; index < publishers().size(); ++index) {
      std::optional<Schedule> schedule;
      if (open_loop) {
        const double share = static_cast<double>(index) / static_cast<double>(publishers().size());
        const auto offset = static_cast<Nanos>(share / plan_.rate * 1e9);
        schedule.emplace(plan_.arrival, plan_.rate, begin + offset, plan_.seed + index);
      }
      publishers()[index]->start(std::move(schedule));
    }
    if (open_loop) {
      pacer_ = std::make_unique<Pacer>(publishers(), crew_.cpus());
    } else {
      crew_.poke();
    }
  }

  void measure() {
    if (!sleep("warming up", from_)) return;
    first_ = last_ = snapshot();
    for (Nanos next = from_ + kSecond; last_.costs.at < to_; next += kSecond) {
      const bool going = sleep("measuring", std::min(next, to_));
      const Snapshot before = std::move(last_);
      last_ = snapshot();
      result_.series.push_back(
          {before.costs.at - first_.costs.at, last_.counters.deliveries - before.counters.deliveries,
           last_.counters.acks - before.counters.acks, last_.costs.server_cpu - before.costs.server_cpu});
      if (!going) return;
    }
  }

  void drain() {
    for (const auto& publisher : publishers()) publisher->stop();
    const Nanos give_up = now() + plan_.drain;
    while (now() < give_up && !crew_.context().failed()) {
      const CrewCounters counters = crew_.counters();
      if ((acknowledged() ? counters.acks : counters.deliveries) >= expected()) return;
      if (!watch_.sleep_until(std::min(now() + kMillisecond, give_up))) return;
    }
  }

  // How many deliveries (acknowledgements) all that was sent comes to.
  [[nodiscard]] std::uint64_t expected() {
    const Topology& topology = plan_.crew.topology;
    std::uint64_t expected = 0;
    for (std::uint32_t index = 0; index < publishers().size(); ++index) {
      const std::uint64_t sent = publishers()[index]->sent();
      if (acknowledged()) {
        expected += sent;
        continue;
      }
      for (std::uint32_t nth = 0; nth < topology.channels_of(index); ++nth) {
        const std::uint32_t channel = topology.channel_of_event(index, nth);
        expected += topology.events_on(channel, index, sent) * topology.subscribers_of(channel);
      }
    }
    return expected;
  }

  bool wait(std::string_view phase, Nanos timeout, const Crew::Condition& reached) {
    watch_.enter(phase);
    return crew_.wait(watch_, timeout, reached);
  }

  // Sleeps in ticks; false if interrupted or failed.
  bool sleep(std::string_view phase, Nanos until) {
    watch_.enter(phase);
    while (now() < until) {
      if (!watch_.sleep_until(std::min(now() + kTick, until)) || crew_.context().failed()) return false;
      if (!crew_.context().open_loop) expire_stalled();
    }
    return true;
  }

  // A publisher that has not sent since the last look may wait for a delivery that
  // never comes.
  void expire_stalled() {
    last_sent_.resize(publishers().size(), UINT64_MAX);
    for (std::size_t index = 0; index < publishers().size(); ++index) {
      const std::uint64_t sent = publishers()[index]->sent();
      if (sent == last_sent_[index]) {
        publishers()[index]->expire_before(now() - plan_.drain);
        crew_.poke();
      }
      last_sent_[index] = sent;
    }
  }

  [[nodiscard]] bool stopped() { return watch_.interrupted() || crew_.context().failed(); }

  Snapshot snapshot() {
    Snapshot snapshot;
    snapshot.counters = crew_.counters();
    for (const auto& publisher : publishers()) snapshot.sent += publisher->sent();
    snapshot.costs = sample_costs(server_, crew_, pacer_.get());
    return snapshot;
  }

  void report();
  void report_publishers(const WorkerResults& results, double seconds);
  void report_deliveries(const WorkerResults& results, double seconds);
  void report_server();

  const FanoutPlan& plan_;
  const Server& server_;
  Crew crew_;
  PhaseWatch watch_;
  std::unique_ptr<Pacer> pacer_;
  std::vector<std::uint64_t> last_sent_;  // of each publisher, at the last look
  RunResult result_;
  Nanos began_ = 0;
  Nanos opened_ = 0;
  Nanos from_ = 0;
  Nanos to_ = 0;
  Snapshot first_;
  Snapshot last_;
};

void FanoutRun::report() {
  WorkerResults results = crew_.results();
  if (pacer_) results.lag.merge(pacer_->lag());
  result_.failure = crew_.context().failure();
  result_.interrupted = watch_.interrupted();
  put_connections(crew_, results, opened_ - began_, result_.metrics);
  const double seconds = static_cast<double>(last_.costs.at - first_.costs.at) / 1e9;
  if (first_.costs.at == 0 || seconds <= 0) return;
  result_.faults = results.faults;
  report_publishers(results, seconds);
  if (!acknowledged()) report_deliveries(results, seconds);
  put_costs(server_, first_.costs, last_.costs, result_.metrics);
  if (server_.process) report_server();
  result_.client_limited = judge_client(result_.metrics);
  result_.disturbed = judge_server(result_.metrics);
}

void FanoutRun::report_publishers(const WorkerResults& results, double seconds) {
  Metrics& metrics = result_.metrics;
  std::uint64_t sent = 0;
  for (const auto& publisher : publishers()) sent += publisher->sent();
  put(metrics, "pub.sent", sent);
  put(metrics, "pub.rate", static_cast<double>(last_.sent - first_.sent) / seconds);
  if (crew_.context().open_loop) {
    const double each = plan_.arrival.kind == Arrival::Kind::kBurst
                            ? plan_.arrival.burst * 1e9 / static_cast<double>(plan_.arrival.period)
                            : plan_.rate;
    put(metrics, "pub.target", each * static_cast<double>(publishers().size()));
    put(metrics, "pub.lag", results.lag);
  }
  if (acknowledged()) {
    put(metrics, "pub.ack", results.ack);
    put(metrics, "pub.ack_rate", static_cast<double>(last_.counters.acks - first_.counters.acks) / seconds);
  }
  put(metrics, "delivery.lost", result_.faults.lost);
  put(metrics, "delivery.dup", result_.faults.duplicate);
  put(metrics, "delivery.reordered", result_.faults.reordered);
  put(metrics, "delivery.corrupt", result_.faults.corrupt);
}

void FanoutRun::report_deliveries(const WorkerResults& results, double seconds) {
  Metrics& metrics = result_.metrics;
  const auto count = static_cast<double>(crew_.counters().deliveries);
  const auto wanted = static_cast<double>(expected());
  put(metrics, "delivery.count", count);
  put(metrics, "delivery.expected", wanted);
  if (wanted > 0) put(metrics, "delivery.reach", count / wanted);
  if (count > 0) put(metrics, "delivery.bytes", static_cast<double>(results.delivered_bytes) / count);
  put(metrics, "delivery.rate",
      static_cast<double>(last_.counters.deliveries - first_.counters.deliveries) / seconds);
  if (crew_.context().open_loop) put(metrics, "delivery.latency", results.latency);
  put(metrics, "delivery.service", results.service);
}

void FanoutRun::report_server() {
  const double cpu_us = static_cast<double>(last_.costs.server_cpu - first_.costs.server_cpu) / 1e3;
  const std::uint64_t deliveries = last_.counters.deliveries - first_.counters.deliveries;
  const std::uint64_t acks = last_.counters.acks - first_.counters.acks;
  if (deliveries != 0) {
    put(result_.metrics, "server.cpu_us_per_delivery", cpu_us / static_cast<double>(deliveries));
  }
  if (acks != 0) put(result_.metrics, "server.cpu_us_per_ack", cpu_us / static_cast<double>(acks));
}

}  // namespace

RunResult run_fanout(const FanoutPlan& plan, const Server& server, Watch& watch,
                     const OnProgress& on_progress) {
  return FanoutRun(plan, server, watch, on_progress).run();
}

}  // namespace wskit::bench
