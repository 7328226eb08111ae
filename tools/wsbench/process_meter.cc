#include "wsbench/process_meter.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace wskit::bench {
namespace {

// `task`: the directory of a thread below /proc.
ThreadLoad read_schedstat(const std::string& task) {
  std::ifstream file(task + "/schedstat");
  ThreadLoad load;
  file >> load.cpu >> load.waited;
  return load;
}

}  // namespace

std::optional<Nanos> process_cpu(pid_t process) {
  clockid_t clock = 0;
  if (clock_getcpuclockid(process, &clock) != 0) return std::nullopt;
  timespec time{};
  if (clock_gettime(clock, &time) != 0) return std::nullopt;
  return to_nanos(time);
}

std::optional<Nanos> process_wait(pid_t process) {
  std::error_code error;
  Nanos waited = 0;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", process), error)) {
    waited += read_schedstat(task.path().string()).waited;
  }
  return error ? std::nullopt : std::optional(waited);
}

ThreadLoad thread_load(pid_t thread) { return read_schedstat(fmt::format("/proc/self/task/{}", thread)); }

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
