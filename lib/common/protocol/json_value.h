// Values inside a line of JSON, as slices of its text: not a byte is changed.
//
// Everything here takes JSON that a JsonScanner has already found valid, without
// white space around it.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace wskit::protocol {

enum class JsonKind : unsigned char { kObject, kArray, kString, kNumber, kBoolean, kNull };

[[nodiscard]] JsonKind json_kind(std::string_view value);

// "an object", "a string" and so on, for error messages.
[[nodiscard]] std::string_view describe(JsonKind kind);

// Whether what stands between the quotes of a member's name spells `name`.
[[nodiscard]] bool spells(std::string_view raw_key, std::string_view name);

// The member `name`; the last one where it stands twice, as JSON.parse and jq have it.
[[nodiscard]] std::optional<std::string_view> json_member(std::string_view object, std::string_view name);

// The element at `index`, counted from 0.
[[nodiscard]] std::optional<std::string_view> json_element(std::string_view array, std::size_t index);

// The text that a JSON string stands for: a slice of it, or, where it is
// written with escapes, of `storage`. Nothing for half of a surrogate pair,
// which stands for no text.
[[nodiscard]] std::optional<std::string_view> json_string(std::string_view value, std::string& storage);

// The same of any value that has a text: of a number or a boolean it is the value
// as it is written. Nothing for null, an object or an array.
[[nodiscard]] std::optional<std::string_view> json_scalar_text(std::string_view value, std::string& storage);

// Whether two numbers, as JSON writes them, are the same one: 1, 1.0 and 1e0 are.
// Integers are compared exactly, however long they are; others as doubles.
[[nodiscard]] bool equal_numbers(std::string_view a, std::string_view b);

}  // namespace wskit::protocol
