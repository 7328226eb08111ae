// What a run measured, by the names of docs/wsbench.md: numbers and distributions.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wsbench/histogram.h"

namespace wskit::bench {

enum class Unit : std::uint8_t { kCount, kPerSecond, kNanos, kMicros, kBytes, kRatio };

struct Metrics {
  std::map<std::string, double, std::less<>> values;
  std::map<std::string, Histogram, std::less<>> distributions;  // of nanoseconds

  // A number by its name, or of a distribution with .p50 .p90 .p99 .p999 .p9999 .min
  // .max .mean .count behind. Nothing where it was not measured, or with too few
  // samples for that percentile.
  [[nodiscard]] std::optional<double> find(std::string_view name) const;

  // Each number that find() knows: of the distributions the usual percentiles.
  [[nodiscard]] std::vector<std::string> names() const;
};

// The metrics that have one value, and so an objective can be about: of a distribution
// its statistics.
[[nodiscard]] std::vector<std::string> single_metrics();

// The unit of a metric, `limit.` before it or not; nothing for a name that no
// scenario has.
[[nodiscard]] std::optional<Unit> unit_of(std::string_view name);

[[nodiscard]] std::string format_metric(double value, Unit unit);

// Several rounds of the same: of each number the median, counts of faults summed, and
// the distributions merged.
struct Spread {
  double median = 0;
  double least = 0;
  double most = 0;
};
[[nodiscard]] Spread spread_of(std::vector<double> values);

}  // namespace wskit::bench
