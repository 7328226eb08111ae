// The limit writer as a process of its own, which `--limit` starts from the running
// binary: not a command for people, and not in the help.
#pragma once

#include <string>
#include <vector>

namespace wskit::bench {

// The words that start it.
[[nodiscard]] std::vector<std::string> limit_command();

[[nodiscard]] bool is_limit_command(int argc, const char* const* argv);

// Prints its URL and serves until it is killed.
int run_limit_command(const char* const* argv);

}  // namespace wskit::bench
