// On which CPUs a thread may run.
#pragma once

#include <sched.h>

#include <vector>

namespace wskit::bench {

[[nodiscard]] inline cpu_set_t to_cpu_set(const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(static_cast<std::size_t>(cpu), &set);
  return set;
}

// Where the calling thread may run.
[[nodiscard]] inline std::vector<int> cpus_of_this_thread() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) cpus.push_back(cpu);
  }
  return cpus;
}

// The calling thread, from now on; anywhere if `cpus` is empty.
inline void pin_this_thread(const std::vector<int>& cpus) {
  if (cpus.empty()) return;
  const cpu_set_t set = to_cpu_set(cpus);
  sched_setaffinity(0, sizeof set, &set);
}

}  // namespace wskit::bench
