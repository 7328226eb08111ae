#include "wspub/unix_time.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

namespace wskit::pub {
namespace {

using std::chrono::microseconds;

// The last and the first microsecond of the years 0 to 9999.
constexpr microseconds kLatest{253402300799999999};
constexpr microseconds kEarliest{-62167219200000000};

// A number as it is written: 0.DIGITS times ten to the `magnitude`. No double between, for it
// has fewer digits than feeds write.
struct Decimal {
  bool negative = false;
  std::string digits;          // without zeros in front; empty: zero
  std::int64_t magnitude = 0;  // digits before the point
};

// Takes the digits that `text` begins with off it.
std::string_view take_digits(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  return digits;
}

std::optional<Decimal> read_decimal(std::string_view text) {
  Decimal number;
  number.negative = text.starts_with('-');
  if (number.negative) text.remove_prefix(1);
  const std::string_view whole = take_digits(text);
  if (whole.empty()) return std::nullopt;
  number.digits = whole;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const std::string_view fraction = take_digits(text);
    if (fraction.empty()) return std::nullopt;
    number.digits += fraction;
  }
  std::int64_t exponent = 0;
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    const bool plus = text.starts_with('+');
    const auto [end, error] =
        std::from_chars(text.data() + (plus ? 1 : 0), text.data() + text.size(), exponent);
    // The number of digits added below must not pass what an integer holds.
    constexpr std::int64_t kMost = 1'000'000'000;
    if (error == std::errc::result_out_of_range) {
      exponent = text.starts_with('-') ? -kMost : kMost;
    } else if (error != std::errc() || (plus && exponent < 0)) {
      return std::nullopt;
    }
    exponent = std::clamp(exponent, -kMost, kMost);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  if (!text.empty()) return std::nullopt;
  const std::size_t zeros = std::min(number.digits.find_first_not_of('0'), number.digits.size());
  number.digits.erase(0, zeros);
  number.magnitude = static_cast<std::int64_t>(whole.size()) - static_cast<std::int64_t>(zeros) + exponent;
  if (number.digits.empty()) number.magnitude = 0;
  return number;
}

// By which power of ten microseconds differ from a number of so many digits.
std::int64_t shift_of(std::int64_t magnitude) {
  if (magnitude > 17) return -3;  // nanoseconds
  if (magnitude > 14) return 0;
  return magnitude > 11 ? 3 : 6;
}

}  // namespace

std::optional<protocol::SystemMicros> parse_unix_time(std::string_view text) {
  auto number = read_decimal(text);
  if (!number) return std::nullopt;
  const std::int64_t digits = number->magnitude + shift_of(number->magnitude);
  if (digits <= 0) return protocol::SystemMicros{};
  // As many as kLatest has.
  if (digits > 18) return std::nullopt;
  number->digits.resize(static_cast<std::size_t>(digits), '0');
  std::int64_t value = 0;
  std::from_chars(number->digits.data(), number->digits.data() + number->digits.size(), value);
  const microseconds time{number->negative ? -value : value};
  if (time > kLatest || time < kEarliest) return std::nullopt;
  return protocol::SystemMicros{time};
}

}  // namespace wskit::pub
