// What a result comes to: its gates and the exit code.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/cli/exit_code.h"
#include "wsbench/options.h"
#include "wsbench/slo.h"
#include "wsbench/summary.h"

namespace wskit::bench {

// docs/wsbench.md: what wsbench has more than the other tools.
inline constexpr auto kInconclusive = cli::ExitCode{11};

struct SloVerdict {
  Slo slo;
  std::optional<double> value;  // nothing: not measured, or with too few samples
  [[nodiscard]] bool passed() const { return value && holds(slo, *value); }
};

struct Verdict {
  std::vector<SloVerdict> slos;
  std::optional<Failure> failure;  // of the first round that could not be finished
  bool failed_at_limit = false;    // which was the limit's
  Faults faults;                   // of the server
  std::string client_limited;
  std::string disturbed;  // of either
  bool interrupted = false;
  cli::ExitCode code = cli::ExitCode::kOk;
};

[[nodiscard]] Verdict judge(const Settings& settings, const Summary& summary);

}  // namespace wskit::bench
