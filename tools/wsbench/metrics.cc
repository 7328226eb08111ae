#include "wsbench/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace wskit::bench {
namespace {

struct Known {
  std::string_view name;
  Unit unit;
};

// docs/wsbench.md, "Results".
constexpr std::array kKnown = {
    Known{"conn.attempted", Unit::kCount},
    Known{"conn.ok", Unit::kCount},
    Known{"conn.failed", Unit::kCount},
    Known{"conn.lost", Unit::kCount},
    Known{"conn.rate", Unit::kPerSecond},
    Known{"conn.tcp", Unit::kNanos},
    Known{"conn.tls", Unit::kNanos},
    Known{"conn.upgrade", Unit::kNanos},
    Known{"conn.subscribe", Unit::kNanos},
    Known{"conn.total", Unit::kNanos},
    Known{"pub.sent", Unit::kCount},
    Known{"pub.rate", Unit::kPerSecond},
    Known{"pub.target", Unit::kPerSecond},
    Known{"pub.lag", Unit::kNanos},
    Known{"pub.ack", Unit::kNanos},
    Known{"pub.ack_rate", Unit::kPerSecond},
    Known{"delivery.count", Unit::kCount},
    Known{"delivery.rate", Unit::kPerSecond},
    Known{"delivery.expected", Unit::kCount},
    Known{"delivery.reach", Unit::kRatio},
    Known{"delivery.bytes", Unit::kBytes},
    Known{"delivery.lost", Unit::kCount},
    Known{"delivery.dup", Unit::kCount},
    Known{"delivery.reordered", Unit::kCount},
    Known{"delivery.corrupt", Unit::kCount},
    Known{"delivery.latency", Unit::kNanos},
    Known{"delivery.service", Unit::kNanos},
    Known{"client.cpu", Unit::kRatio},
    Known{"client.cpu_max_thread", Unit::kRatio},
    Known{"client.rss", Unit::kBytes},
    Known{"server.cpu", Unit::kRatio},
    Known{"server.cpu_wait", Unit::kRatio},
    Known{"server.cpu_us_per_delivery", Unit::kMicros},
    Known{"server.cpu_us_per_ack", Unit::kMicros},
    Known{"server.cpu_us_per_conn", Unit::kMicros},
    Known{"server.rss", Unit::kBytes},
    Known{"server.rss_per_conn", Unit::kBytes},
    Known{"limit.rate", Unit::kPerSecond},
    Known{"limit.cpu_us_per_delivery", Unit::kMicros},
    Known{"limit.share", Unit::kRatio},
};

struct Statistic {
  std::string_view name;
  double quantile;  // 0: not one
};
constexpr std::array kStatistics = {
    Statistic{"p50", 0.5},    Statistic{"p90", 0.9},      Statistic{"p99", 0.99},
    Statistic{"p999", 0.999}, Statistic{"p9999", 0.9999}, Statistic{"min", 0},
    Statistic{"max", 0},      Statistic{"mean", 0},       Statistic{"count", 0},
};

std::optional<double> statistic(const Histogram& histogram, std::string_view name) {
  if (name == "count") return static_cast<double>(histogram.count());
  if (histogram.count() == 0) return std::nullopt;
  if (name == "min") return static_cast<double>(histogram.min());
  if (name == "max") return static_cast<double>(histogram.max());
  if (name == "mean") return histogram.mean();
  for (const Statistic& known : kStatistics) {
    if (known.name != name) continue;
    const auto percentile = histogram.percentile(known.quantile);
    if (percentile) return static_cast<double>(*percentile);
  }
  return std::nullopt;
}

std::string format_nanos(double nanos) {
  const double size = std::fabs(nanos);
  if (size < 1e3) return fmt::format("{:.0f} ns", nanos);
  if (size < 1e6) return fmt::format("{:.1f} us", nanos / 1e3);
  if (size < 1e9) return fmt::format("{:.2f} ms", nanos / 1e6);
  return fmt::format("{:.2f} s", nanos / 1e9);
}

std::string format_rate(double rate) {
  if (rate < 10'000) return fmt::format("{:.1f}/s", rate);
  if (rate < 1e6) return fmt::format("{:.1f} k/s", rate / 1e3);
  return fmt::format("{:.2f} M/s", rate / 1e6);
}

std::string format_bytes(double bytes) {
  const double size = std::fabs(bytes);
  if (size < 10 * 1024) return fmt::format("{:.0f} B", bytes);
  if (size < 10 * 1024 * 1024) return fmt::format("{:.1f} KiB", bytes / 1024);
  return fmt::format("{:.1f} MiB", bytes / 1024 / 1024);
}

}  // namespace

std::optional<double> Metrics::find(std::string_view name) const {
  if (const auto value = values.find(name); value != values.end()) return value->second;
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto distribution = distributions.find(name.substr(0, dot));
  if (distribution == distributions.end()) return std::nullopt;
  return statistic(distribution->second, name.substr(dot + 1));
}

std::vector<std::string> Metrics::names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : values) names.push_back(name);
  for (const auto& [name, histogram] : distributions) {
    for (const Statistic& known : kStatistics) names.push_back(fmt::format("{}.{}", name, known.name));
  }
  return names;
}

std::vector<std::string> single_metrics() {
  std::vector<std::string> names;
  for (const Known& known : kKnown) {
    if (known.unit != Unit::kNanos) {
      names.emplace_back(known.name);
      continue;
    }
    for (const Statistic& statistic : kStatistics) {
      names.push_back(fmt::format("{}.{}", known.name, statistic.name));
    }
  }
  return names;
}

std::optional<Unit> unit_of(std::string_view name) {
  const auto exact = [](std::string_view wanted) -> std::optional<Unit> {
    const auto known = std::find_if(kKnown.begin(), kKnown.end(),
                                    [wanted](const Known& candidate) { return candidate.name == wanted; });
    return known == kKnown.end() ? std::nullopt : std::optional(known->unit);
  };
  if (const auto unit = exact(name)) return unit;
  const std::size_t dot = name.rfind('.');
  if (dot != std::string_view::npos && exact(name.substr(0, dot)) == Unit::kNanos) {
    const std::string_view suffix = name.substr(dot + 1);
    if (suffix == "count") return Unit::kCount;
    const bool is_statistic = std::any_of(kStatistics.begin(), kStatistics.end(),
                                          [suffix](const Statistic& known) { return known.name == suffix; });
    if (is_statistic) return Unit::kNanos;
  }
  constexpr std::string_view kLimit = "limit.";
  return name.starts_with(kLimit) ? unit_of(name.substr(kLimit.size())) : std::nullopt;
}

std::string format_metric(double value, Unit unit) {
  switch (unit) {
    case Unit::kCount:
      return fmt::format("{:.0f}", value);
    case Unit::kPerSecond:
      return format_rate(value);
    case Unit::kNanos:
      return format_nanos(value);
    case Unit::kMicros:
      return fmt::format("{:.3f} us", value);
    case Unit::kBytes:
      return format_bytes(value);
    case Unit::kRatio:
      return fmt::format("{:.3f}", value);
  }
  return {};
}

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

}  // namespace wskit::bench
