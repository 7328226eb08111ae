#include "wspub/unix_time.h"

#include <charconv>
#include <cmath>
#include <cstdint>

namespace wskit::pub {
namespace {

using std::chrono::microseconds;

constexpr double kLatestSecond = 253402300799.0;
constexpr double kEarliestSecond = -62167219200.0;

struct Unit {
  double from;  // the smallest absolute value that is read in this unit
  double per_second;
};
constexpr Unit kUnits[] = {{1e17, 1e9}, {1e14, 1e6}, {1e11, 1e3}, {0, 1}};

// The unit of so large a number. Its digits decide, for a double may round up to the next unit.
const Unit& unit_of(std::string_view number, double value) {
  if (number.starts_with('-')) number.remove_prefix(1);
  std::uint64_t whole = 0;
  const auto [at, error] = std::from_chars(number.data(), number.data() + number.size(), whole);
  const bool exact =
      error == std::errc{} &&
      std::string_view(at, number.data() + number.size()).find_first_of("eE") == std::string_view::npos;
  const Unit* unit = std::begin(kUnits);
  while (exact ? whole < static_cast<std::uint64_t>(unit->from) : std::abs(value) < unit->from) ++unit;
  return *unit;
}

// Digits with an optional fraction, exactly; a double would round 1e15 and more.
std::optional<microseconds> exact_micros(std::string_view number, double per_second) {
  const bool negative = number.starts_with('-');
  if (negative) number.remove_prefix(1);
  std::uint64_t digits = 0;
  const char* const end = number.data() + number.size();
  auto [at, error] = std::from_chars(number.data(), end, digits);
  if (error != std::errc{}) return std::nullopt;
  std::int64_t value = 0;
  if (per_second <= 1e6) {
    const auto whole = static_cast<std::int64_t>(digits);
    auto unit = static_cast<std::int64_t>(1e6 / per_second);
    value = whole * unit;
    if (at != end && *at == '.') {
      for (++at; at != end && *at >= '0' && *at <= '9'; ++at) {
        unit /= 10;
        value += (*at - '0') * unit;
      }
    }
  } else {
    value = static_cast<std::int64_t>(digits / static_cast<std::uint64_t>(per_second / 1e6));
    if (at != end && *at == '.') at = std::find_if(at + 1, end, [](char c) { return c < '0' || c > '9'; });
  }
  if (at != end) return std::nullopt;  // an exponent
  return microseconds{negative ? -value : value};
}

}  // namespace

std::optional<protocol::SystemMicros> parse_unix_time(std::string_view number) {
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc{} || end != number.data() + number.size()) return std::nullopt;
  const Unit& unit = unit_of(number, value);
  const double seconds = value / unit.per_second;
  if (seconds > kLatestSecond || seconds < kEarliestSecond) return std::nullopt;
  if (const auto exact = exact_micros(number, unit.per_second)) return protocol::SystemMicros{*exact};
  return protocol::SystemMicros{microseconds{static_cast<std::int64_t>(std::trunc(seconds * 1e6))}};
}

}  // namespace wskit::pub
