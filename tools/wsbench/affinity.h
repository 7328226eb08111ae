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

// The calling thread, from now on; anywhere if `cpus` is empty.
inline void pin_this_thread(const std::vector<int>& cpus) {
  if (cpus.empty()) return;
  const cpu_set_t set = to_cpu_set(cpus);
  sched_setaffinity(0, sizeof set, &set);
}

}  // namespace wskit::bench
