// Small text that is the same everywhere: white space cut off, and a number with its noun.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace wskit {

// White space of JSON and of text files.
inline constexpr std::string_view kWhiteSpace = " \t\r\n";
// White space of a header field's value (RFC 9110 section 5.6.3).
inline constexpr std::string_view kFieldWhiteSpace = " \t";

// Returns `text` without the `spaces` at both its ends.
[[nodiscard]] constexpr std::string_view trim(std::string_view text, std::string_view spaces = kWhiteSpace) {
  const std::size_t begin = text.find_first_not_of(spaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(spaces) - begin + 1);
}

// Returns what a noun ends with behind the count: 1 event, 2 events.
[[nodiscard]] constexpr std::string_view plural_ending(std::uint64_t count) { return count == 1 ? "" : "s"; }

// Returns the count and its noun: "1 event", "2 events".
[[nodiscard]] inline std::string counted(std::uint64_t count, std::string_view noun) {
  std::string text = std::to_string(count);
  text += ' ';
  text += noun;
  text += plural_ending(count);
  return text;
}

}  // namespace wskit
