#include "wsbench/slo.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "common/text.h"

namespace wskit::bench {
namespace {

using Operator = Slo::Operator;

// The longer ones first: `<` begins `<=`.
constexpr std::array<std::pair<std::string_view, Operator>, 6> kOperators = {{
    {"<=", Operator::kLessOrEqual},
    {">=", Operator::kGreaterOrEqual},
    {"==", Operator::kEqual},
    {"!=", Operator::kNotEqual},
    {"<", Operator::kLess},
    {">", Operator::kGreater},
}};

cli::ValueResult<double> parse_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size()) return number;
  return cli::ValueError{fmt::format("'{}' is not a number", text)};
}

cli::ValueResult<double> parse_bound(std::string_view text, Unit unit) {
  switch (unit) {
    case Unit::kNanos:
    case Unit::kMicros: {
      // A bare number would be seconds elsewhere, which nobody means here.
      if (parse_number(text) && text != "0") {
        return cli::ValueError{fmt::format("'{}' needs a unit: {}us, {}ms", text, text, text)};
      }
      const auto duration = cli::parse_duration(text);
      if (!duration) return duration.error();
      return static_cast<double>(duration->count()) / (unit == Unit::kMicros ? 1e3 : 1);
    }
    case Unit::kBytes: {
      const auto bytes = cli::parse_size(text);
      if (!bytes) return bytes.error();
      return static_cast<double>(*bytes);
    }
    case Unit::kPerSecond:
      if (text == "0") return 0.0;
      return cli::parse_rate(text);
    case Unit::kCount: {
      const auto count = cli::parse_count(text);
      if (!count) return count.error();
      return static_cast<double>(*count);
    }
    case Unit::kRatio:
      break;
  }
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  const auto number = parse_number(trim(text));
  return percent && number ? *number / 100 : number;
}

}  // namespace

cli::ValueResult<Slo> parse_slo(std::string_view text) {
  const std::size_t at = text.find_first_of("<>=!");
  for (const auto& [sign, compare] : kOperators) {
    if (at == std::string_view::npos || !text.substr(at).starts_with(sign)) continue;
    const std::string_view metric = trim(text.substr(0, at));
    const auto unit = unit_of(metric);
    if (!unit || (*unit == Unit::kNanos && unit_of(fmt::format("{}.p50", metric)))) {
      return cli::ValueError{fmt::format(
          "'{}' is no metric with one value: try delivery.latency.p99, delivery.rate, delivery.lost, "
          "server.rss_per_conn, limit.share",
          metric)};
    }
    const auto bound = parse_bound(trim(text.substr(at + sign.size())), *unit);
    if (!bound) return bound.error();
    return Slo{std::string(text), std::string(metric), compare, *bound};
  }
  return cli::ValueError{fmt::format("'{}' is not METRIC < VALUE (or <= > >= == !=)", text)};
}

bool holds(const Slo& slo, double value) {
  switch (slo.compare) {
    case Operator::kLess:
      return value < slo.bound;
    case Operator::kLessOrEqual:
      return value <= slo.bound;
    case Operator::kGreater:
      return value > slo.bound;
    case Operator::kGreaterOrEqual:
      return value >= slo.bound;
    case Operator::kEqual:
      return value == slo.bound;
    case Operator::kNotEqual:
      return value != slo.bound;
  }
  return false;
}

}  // namespace wskit::bench
