#include "common/cli/values.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>

#include "common/cli/local_time.h"
#include "common/protocol/position.h"

namespace wskit::cli {
namespace {

using std::chrono::nanoseconds;

struct Unit {
  std::string_view name;  // in lower case
  double factor;
};

constexpr std::array<Unit, 7> kDurationUnits{
    {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}}};
constexpr std::array<Unit, 9> kSizeUnits{{{"", 1},
                                          {"k", 1e3},
                                          {"m", 1e6},
                                          {"g", 1e9},
                                          {"t", 1e12},
                                          {"ki", 1024},
                                          {"mi", 1048576},
                                          {"gi", 1073741824},
                                          {"ti", 1099511627776}}};
constexpr std::array<Unit, 4> kCountUnits{{{"", 1}, {"k", 1e3}, {"m", 1e6}, {"g", 1e9}}};

constexpr std::uint64_t kMaxNanoseconds = 9'000'000'000'000'000'000;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

// Takes a plain decimal number (no sign, no exponent) off the front of `text`.
std::optional<double> take_number(std::string_view& text) {
  const std::size_t length = text.find_first_not_of("0123456789.");
  const std::string_view digits = text.substr(0, length);
  double value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  text.remove_prefix(digits.size());
  return value;
}

template <std::size_t N>
std::optional<double> find_unit(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.factor;
  }
  return std::nullopt;
}

// A plain decimal number in its two parts, so that no digit of a whole one is lost.
struct Decimal {
  std::uint64_t whole = 0;
  double fraction = 0;  // below 1
  bool fits = true;     // into `whole`
};

// The same as take_number.
std::optional<Decimal> take_decimal(std::string_view& text) {
  Decimal number;
  std::string_view whole = text.substr(0, std::min(text.find_first_not_of("0123456789"), text.size()));
  std::string_view rest = text;
  if (!take_number(rest)) return std::nullopt;
  const std::string_view all = text.substr(0, text.size() - rest.size());
  text = rest;
  if (!whole.empty()) {
    number.fits = std::from_chars(whole.data(), whole.data() + whole.size(), number.whole).ec == std::errc{};
  }
  if (whole.size() < all.size()) {
    std::string fraction = fmt::format("0{}", all.substr(whole.size()));
    std::from_chars(fraction.data(), fraction.data() + fraction.size(), number.fraction);
  }
  return number;
}

// The number times a unit; nothing past `most`.
std::optional<std::uint64_t> scale(const Decimal& number, double factor, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto part = static_cast<std::uint64_t>(std::round(number.fraction * factor));
  const bool overflows = !number.fits ||
                         __builtin_mul_overflow(number.whole, static_cast<std::uint64_t>(factor), &value) ||
                         __builtin_add_overflow(value, part, &value);
  return overflows || value > most ? std::nullopt : std::optional(value);
}

ValueError bad(std::string_view text, std::string_view what, std::string_view examples) {
  return {fmt::format("'{}' is not a {}; write it as {}", text, what, examples)};
}

ValueError bad_duration(std::string_view text) { return bad(text, "duration", "250ms, 5s, 2m or 1h30m"); }

// One number with one unit out of `units`.
template <std::size_t N>
ValueResult<std::uint64_t> parse_scaled(std::string_view text, const std::array<Unit, N>& units,
                                        std::string_view unit_text, const ValueError& error) {
  std::string_view rest = text;
  const std::optional<Decimal> number = take_decimal(rest);
  const std::optional<double> factor = find_unit(units, unit_text);
  if (!number || !factor) return error;
  const auto value = scale(*number, *factor, std::numeric_limits<std::int64_t>::max());
  if (!value) return ValueError{fmt::format("'{}' is too large", text)};
  return *value;
}

// What follows the number, in lower case.
std::string unit_of(std::string_view text) {
  const std::size_t at = text.find_first_not_of("0123456789.");
  return at == std::string_view::npos ? std::string{} : lower(text.substr(at));
}

}  // namespace

void throw_exception_from_error(const ValueError& error, const boost::source_location&) {
  throw std::logic_error(error.message);
}

ValueResult<nanoseconds> parse_duration(std::string_view text) {
  std::string_view rest = text;
  const ValueError too_long{fmt::format("'{}' is too long: at most 100000d", text)};
  std::uint64_t total = 0;
  do {
    const std::optional<Decimal> number = take_decimal(rest);
    if (!number) return bad_duration(text);
    const std::size_t unit_end = rest.find_first_of("0123456789.");
    const std::string unit = lower(rest.substr(0, unit_end));
    rest.remove_prefix(unit_end == std::string_view::npos ? rest.size() : unit_end);
    const bool bare = unit.empty() && rest.empty() && total == 0;
    const std::optional<double> factor = bare ? std::optional(1e9) : find_unit(kDurationUnits, unit);
    if (!factor) return bad_duration(text);
    const auto part = scale(*number, *factor, kMaxNanoseconds - total);
    if (!part) return too_long;
    total += *part;
  } while (!rest.empty());
  return nanoseconds{static_cast<nanoseconds::rep>(total)};
}

namespace {

// `count` in a unit, with all its digits and no zeros behind them.
std::string with_fraction(std::int64_t count, std::int64_t unit) {
  std::string text = fmt::format("{}.{:09}", count / unit, count % unit * (1'000'000'000 / unit));
  text.resize(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

std::string format_duration(nanoseconds duration) {
  const auto count = duration.count();
  if (count < 0) return fmt::format("-{}", format_duration(-duration));
  if (count == 0) return "0s";
  struct Step {
    std::int64_t factor;
    std::string_view unit;
  };
  constexpr std::array<Step, 6> kSmall{{{86'400'000'000'000, "d"},
                                        {3'600'000'000'000, "h"},
                                        {60'000'000'000, "m"},
                                        {1'000'000'000, "s"},
                                        {1'000'000, "ms"},
                                        {1'000, "us"}}};
  std::string result;
  std::int64_t rest = count;
  for (const Step& step : kSmall) {
    if (rest < step.factor) continue;
    // Below a second one number with a fraction reads better: 1.5ms.
    if (step.factor < 1'000'000'000 && result.empty()) {
      return with_fraction(rest, step.factor) + std::string(step.unit);
    }
    if (step.unit == "s" && rest % step.factor != 0) return result + with_fraction(rest, step.factor) + "s";
    result += fmt::format("{}{}", rest / step.factor, step.unit);
    rest %= step.factor;
    if (rest == 0) return result;
  }
  return result + fmt::format("{}ns", rest);
}

ValueResult<DurationRange> parse_duration_range(std::string_view text) {
  const std::size_t dots = text.find("..");
  const ValueResult<nanoseconds> from = parse_duration(text.substr(0, dots));
  if (!from) return from.error();
  if (dots == std::string_view::npos) return DurationRange{*from, *from};
  const ValueResult<nanoseconds> to = parse_duration(text.substr(dots + 2));
  if (!to) return to.error();
  if (*to < *from) return ValueError{fmt::format("'{}' ends before it begins; write it as 1s..60s", text)};
  return DurationRange{*from, *to};
}

ValueResult<std::uint64_t> parse_size(std::string_view text) {
  std::string unit = unit_of(text);
  if (unit.ends_with('b')) unit.pop_back();
  return parse_scaled(text, kSizeUnits, unit, bad(text, "size", "512, 10k, 64KiB or 1MiB"));
}

std::string format_size(std::uint64_t bytes) {
  struct Step {
    std::uint64_t factor;
    std::string_view unit;
  };
  constexpr std::array<Step, 3> kSteps{{{1ULL << 30, "GiB"}, {1ULL << 20, "MiB"}, {1ULL << 10, "KiB"}}};
  for (const Step& step : kSteps) {
    if (bytes < step.factor) continue;
    if (bytes % step.factor == 0) return fmt::format("{}{}", bytes / step.factor, step.unit);
    return fmt::format("{:.1f}{}", static_cast<double>(bytes) / static_cast<double>(step.factor), step.unit);
  }
  return fmt::format("{}B", bytes);
}

ValueResult<std::uint64_t> parse_count(std::string_view text) {
  ValueResult<std::uint64_t> value =
      parse_scaled(text, kCountUnits, unit_of(text), bad(text, "count", "100, 10k or 2M"));
  if (value && text.find('.') != std::string_view::npos && unit_of(text).empty()) {
    return bad(text, "count", "100, 10k or 2M");
  }
  return value;
}

ValueResult<double> parse_rate(std::string_view text) {
  const ValueError error = bad(text, "rate", "100, 2.5k, 100/s or 6000/m");
  const std::size_t slash = text.find('/');
  double per_seconds = 1;
  if (slash != std::string_view::npos) {
    const std::string unit = lower(text.substr(slash + 1));
    const std::optional<double> factor = find_unit(kDurationUnits, unit);
    if (!factor) return error;
    per_seconds = *factor / 1e9;
  }
  std::string_view number_text = text.substr(0, slash);
  const std::string unit = unit_of(number_text);
  const std::optional<double> number = take_number(number_text);
  const std::optional<double> factor = find_unit(kCountUnits, unit);
  if (!number || !factor) return error;
  const double rate = *number * *factor / per_seconds;
  if (!(rate > 0)) return ValueError{fmt::format("the rate '{}' must be greater than 0", text)};
  return rate;
}

ValueResult<double> parse_speed(std::string_view text) {
  if (text == "max") return std::numeric_limits<double>::infinity();
  const ValueError error = bad(text, "speed", "60x, 0.5x or max");
  std::string_view number_text = text;
  if (number_text.ends_with('x')) number_text.remove_suffix(1);
  const std::optional<double> speed = take_number(number_text);
  if (!speed || !number_text.empty()) return error;
  if (!(*speed > 0)) return ValueError{fmt::format("the speed '{}' must be greater than 0", text)};
  return *speed;
}

std::string format_speed(double speed) { return std::isinf(speed) ? "max" : fmt::format("{:g}x", speed); }

ValueResult<protocol::SystemMicros> parse_time(std::string_view text, protocol::SystemMicros now) {
  const std::optional<protocol::SystemMicros> time = protocol::parse_time_text(text, now);
  if (time) return *time;
  if (looks_like_local_time(text)) return parse_local_time(text, now);
  return bad(text, "time", "2026-11-20T10:00:00Z, 09:30, -5m or @1700000000.123");
}

}  // namespace wskit::cli
