#include "wsbench/pacer.h"

#include <unistd.h>

#include <algorithm>
#include <queue>
#include <utility>

#include "wsbench/affinity.h"

namespace wskit::bench {
namespace {

// A sleeper wakes up too late by this much or less, so it wakes before and spins.
constexpr Nanos kSpin = 60 * kMicrosecond;
constexpr Nanos kLongestSleep = 50 * kMillisecond;
// After this a publisher whose socket was full is looked at again.
constexpr Nanos kBlockedPause = 100 * kMicrosecond;

}  // namespace

Pacer::Pacer(std::span<const std::unique_ptr<Publisher>> publishers, std::vector<int> cpus)
    : publishers_(publishers), thread_([this, cpus = std::move(cpus)] { run(cpus); }) {}

Pacer::~Pacer() { stop(); }

void Pacer::stop() {
  stopping_.store(true, std::memory_order_release);
  if (thread_.joinable()) thread_.join();
}

ThreadLoad Pacer::load() const {
  const int thread = thread_id_.load(std::memory_order_acquire);
  if (thread == 0) return {};
  ThreadLoad load = thread_load(thread);
  load.cpu = std::max<Nanos>(load.cpu - spun_.load(std::memory_order_relaxed), 0);
  return load;
}

void Pacer::run(const std::vector<int>& cpus) {
  pin_this_thread(cpus);
  thread_id_.store(gettid(), std::memory_order_release);
  using Due = std::pair<Nanos, Publisher*>;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> queue;
  for (const auto& publisher : publishers_) queue.emplace(publisher->next_due(), publisher.get());
  while (!queue.empty()) {
    const auto [due, publisher] = queue.top();
    queue.pop();
    if (!wait_until(due)) return;
    publisher->pump(lag_);
    queue.emplace(std::max(publisher->next_due(), due + (publisher->next_due() <= due ? kBlockedPause : 0)),
                  publisher);
  }
}

bool Pacer::wait_until(Nanos due) {
  for (;;) {
    if (stopping_.load(std::memory_order_acquire)) return false;
    const Nanos left = due - now();
    if (left <= 0) return true;
    if (left <= kSpin) break;
    const timespec pause = to_timespec(std::min(left - kSpin, kLongestSleep));
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
  }
  const Nanos began = now();
  Nanos at = began;
  while (at < due) at = now();
  spun_.store(spun_.load(std::memory_order_relaxed) + at - began, std::memory_order_relaxed);
  return true;
}

}  // namespace wskit::bench
