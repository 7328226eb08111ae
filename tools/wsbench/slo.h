// What a result is held against: `delivery.latency.p99 < 5ms`.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/cli/values.h"
#include "wsbench/metrics.h"

namespace wskit::bench {

struct Slo {
  enum class Operator : std::uint8_t { kLess, kLessOrEqual, kGreater, kGreaterOrEqual, kEqual, kNotEqual };

  std::string text;  // as it was written
  std::string metric;
  Operator compare = Operator::kLess;
  double bound = 0;  // in the metric's unit
};

// `METRIC OPERATOR VALUE`; the value is a duration, a size, a rate, a percentage or a
// number, as the metric asks for. The error names what is wrong.
[[nodiscard]] cli::ValueResult<Slo> parse_slo(std::string_view text);

[[nodiscard]] bool holds(const Slo& slo, double value);

}  // namespace wskit::bench
