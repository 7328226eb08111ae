// A result for people and for programs.
//
// Threads: pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

#include "wsbench/environment.h"
#include "wsbench/options.h"
#include "wsbench/summary.h"
#include "wsbench/verdict.h"

namespace wskit::bench {

struct Report {
  const Settings& settings;
  const Summary& summary;
  const Verdict& verdict;
  const Environment& environment;
  std::string started;  // RFC 3339
};

// A few lines, the last one with a line feed. In colour, what is wrong is red.
[[nodiscard]] std::string to_text(const Report& report, bool color = false);

// Schema `wsbench/1` (docs/wsbench.md).
[[nodiscard]] nlohmann::json to_json(const Report& report);

}  // namespace wskit::bench
