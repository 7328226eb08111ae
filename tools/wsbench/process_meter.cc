#include "wsbench/process_meter.h"

#include <fmt/format.h>

#include <fstream>
#include <string>

namespace wskit::bench {

std::optional<Nanos> process_cpu(pid_t process) {
  clockid_t clock = 0;
  if (clock_getcpuclockid(process, &clock) != 0) return std::nullopt;
  timespec time{};
  if (clock_gettime(clock, &time) != 0) return std::nullopt;
  return to_nanos(time);
}

ThreadLoad thread_load(pid_t thread) {
  std::ifstream file(fmt::format("/proc/self/task/{}/schedstat", thread));
  ThreadLoad load;
  file >> load.cpu >> load.waited;
  return load;
}

std::optional<ProcessMemory> process_memory(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/smaps_rollup", process));
  ProcessMemory memory;
  bool found = false;
  for (std::string key; file >> key;) {
    std::uint64_t kib = 0;
    if (key != "Rss:" && key != "Anonymous:") {
      file.ignore(256, '\n');
      continue;
    }
    file >> kib;
    (key == "Rss:" ? memory.resident_bytes : memory.anonymous_bytes) = kib * 1024;
    found = true;
  }
  return found ? std::optional(memory) : std::nullopt;
}

}  // namespace wskit::bench
