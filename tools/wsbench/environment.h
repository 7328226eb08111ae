// On what a result was measured: two results compare only if this is the same.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string>

namespace wskit::bench {

struct Environment {
  std::string kernel;
  std::string cpu_model;
  std::size_t cores = 0;
  std::string compiler;
  std::string build;  // "release", or "debug" with assertions
  std::string version;
};

[[nodiscard]] Environment read_environment();

}  // namespace wskit::bench
