// What a process or thread costs, as the kernel counts it.
//
// Threads: pure functions.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "wsbench/clock.h"

namespace wskit::bench {

// CPU time of all threads of a process since it began; nothing if it is gone.
[[nodiscard]] std::optional<Nanos> process_cpu(pid_t process);

// How long its threads were ready to run but had no CPU, all together: while others
// use the server's CPU, what is measured is them.
[[nodiscard]] std::optional<Nanos> process_wait(pid_t process);

struct ThreadLoad {
  Nanos cpu = 0;
  Nanos waited = 0;  // runnable, but for want of a CPU
};
[[nodiscard]] ThreadLoad thread_load(pid_t thread);

struct ProcessMemory {
  std::uint64_t resident_bytes = 0;
  // Not backed by files: heap and stacks, and not the pages of the program and its
  // libraries that happen to be touched first by the work that is measured.
  std::uint64_t anonymous_bytes = 0;
};
[[nodiscard]] std::optional<ProcessMemory> process_memory(pid_t process);

}  // namespace wskit::bench
