// What the process takes of the machine, as the kernel tells it.
//
// Threads: any thread.
#pragma once

#include <cstdint>
#include <optional>

namespace wskit::server {

struct ProcessFigures {
  double cpu_seconds = 0;    // user and system
  double start_seconds = 0;  // since 1970
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t threads = 0;
  std::uint64_t open_descriptors = 0;
  std::uint64_t max_descriptors = 0;
};

// Nothing where /proc is not to be read.
[[nodiscard]] std::optional<ProcessFigures> read_process_figures();

}  // namespace wskit::server
