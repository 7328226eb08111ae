// Keeps the schedule of an open loop: wakes each publisher when its next event is
// due, whatever the server does.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "wsbench/clock.h"
#include "wsbench/histogram.h"
#include "wsbench/process_meter.h"
#include "wsbench/publisher.h"

namespace wskit::bench {

// Threads: one of its own, from the constructor to stop(); the rest from one other.
class Pacer {
 public:
  // The publishers are attached and started, and outlive the pacer. `cpus`: where
  // its thread may run; empty: anywhere.
  Pacer(std::span<const std::unique_ptr<Publisher>> publishers, std::vector<int> cpus);
  ~Pacer();
  Pacer(const Pacer&) = delete;
  Pacer& operator=(const Pacer&) = delete;

  void stop();

  // Without the time it spun, which is not work.
  [[nodiscard]] ThreadLoad load() const;

  // How late events left. After stop().
  [[nodiscard]] const Histogram& lag() const { return lag_; }

 private:
  void run(const std::vector<int>& cpus);
  // False if stopped before.
  bool wait_until(Nanos due);

  std::span<const std::unique_ptr<Publisher>> publishers_;
  Histogram lag_;
  std::atomic<Nanos> spun_{0};
  std::atomic<int> thread_id_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace wskit::bench
