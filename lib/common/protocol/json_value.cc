#include "common/protocol/json_value.h"

#include <charconv>
#include <cstdint>
#include <cstdlib>

#include "common/protocol/json_text.h"

namespace wskit::protocol {
namespace {

// A number as its digits without leading and trailing zeros, times a power of ten.
struct Decimal {
  bool negative = false;
  std::string digits;  // empty: 0
  std::int64_t exponent = 0;

  [[nodiscard]] bool is_integer() const { return exponent >= 0; }
  bool operator==(const Decimal&) const = default;
};

Decimal decimal_of(std::string_view text) {
  // An exponent past it is as good as infinite, and cannot overflow with the digits.
  constexpr std::int64_t kMostExponent = std::int64_t{1} << 40;
  Decimal number;
  number.negative = text.starts_with('-');
  if (number.negative) text.remove_prefix(1);
  const std::size_t mark = text.find_first_of("eE");
  const std::string_view mantissa = text.substr(0, mark);
  if (mark != std::string_view::npos) {
    std::string_view power = text.substr(mark + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    const auto [end, error] = std::from_chars(power.data(), power.data() + power.size(), number.exponent);
    const bool past = error != std::errc{} || std::abs(number.exponent) > kMostExponent;
    if (past) number.exponent = power.starts_with('-') ? -kMostExponent : kMostExponent;
  }
  const std::size_t point = mantissa.find('.');
  number.digits = mantissa.substr(0, point);
  if (point != std::string_view::npos) {
    number.digits += mantissa.substr(point + 1);
    number.exponent -= static_cast<std::int64_t>(mantissa.size() - point - 1);
  }
  number.digits.erase(0, number.digits.find_first_not_of('0'));
  const std::size_t length = number.digits.find_last_not_of('0') + 1;
  if (number.digits.empty() || length == 0) return {};
  number.exponent += static_cast<std::int64_t>(number.digits.size() - length);
  number.digits.resize(length);
  return number;
}

}  // namespace

JsonKind json_kind(std::string_view value) {
  switch (value.front()) {
    case '{':
      return JsonKind::kObject;
    case '[':
      return JsonKind::kArray;
    case '"':
      return JsonKind::kString;
    case 't':
    case 'f':
      return JsonKind::kBoolean;
    case 'n':
      return JsonKind::kNull;
    default:
      return JsonKind::kNumber;
  }
}

std::string_view describe(JsonKind kind) {
  switch (kind) {
    case JsonKind::kObject:
      return "an object";
    case JsonKind::kArray:
      return "an array";
    case JsonKind::kString:
      return "a string";
    case JsonKind::kNumber:
      return "a number";
    case JsonKind::kBoolean:
      return "a boolean";
    case JsonKind::kNull:
      break;
  }
  return "null";
}

bool spells(std::string_view raw_key, std::string_view name) {
  if (raw_key == name) return true;
  if (raw_key.find('\\') == std::string_view::npos) return false;
  std::string decoded;
  return append_decoded(decoded, raw_key) && decoded == name;
}

std::optional<std::string_view> json_member(std::string_view object, std::string_view name) {
  std::optional<std::string_view> found;
  JsonScanner scanner(object);
  std::string_view key;
  for (bool more = scanner.begin_object(key); more; more = scanner.next_member(key)) {
    const bool wanted = spells(key, name);
    const std::string_view value = scanner.value();
    if (wanted) found = value;
  }
  return found;
}

std::optional<std::string_view> json_element(std::string_view array, std::size_t index) {
  JsonScanner scanner(array);
  for (bool more = scanner.begin_array(); more; more = scanner.next_element()) {
    const std::string_view value = scanner.value();
    if (index-- == 0) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> json_string(std::string_view value, std::string& storage) {
  const std::string_view content = value.substr(1, value.size() - 2);
  if (content.find('\\') == std::string_view::npos) return content;
  storage.clear();
  if (!append_decoded(storage, content)) return std::nullopt;
  return storage;
}

std::optional<std::string_view> json_scalar_text(std::string_view value, std::string& storage) {
  switch (json_kind(value)) {
    case JsonKind::kString:
      return json_string(value, storage);
    case JsonKind::kNumber:
    case JsonKind::kBoolean:
      return value;
    default:
      return std::nullopt;
  }
}

bool equal_numbers(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const Decimal first = decimal_of(a);
  const Decimal second = decimal_of(b);
  if (first.is_integer() || second.is_integer()) return first == second;
  double left = 0;
  double right = 0;
  const auto read = [](std::string_view text, double& value) {
    return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{};
  };
  // Past every double there is no value to compare by.
  return read(a, left) && read(b, right) && left == right;
}

}  // namespace wskit::protocol
