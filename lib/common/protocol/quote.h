// Text from a stranger inside a message for a person, or inside the details of
// an error.
//
// Threads: pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace wskit::protocol {

// `text` as a JSON string with its quotes, whatever bytes it holds: what is no
// UTF-8 becomes U+FFFD, what a screen would obey is escaped (utf8.h, is_obeyed), and
// what is longer than any valid name ends in "…".
[[nodiscard]] std::string quote(std::string_view text);

// The same at full length.
void append_quoted(std::string& out, std::string_view text);

// JSON, valid or almost, in the same way: its strings keep what they stand for, line
// ends between values become blanks.
void append_plain_json(std::string& out, std::string_view json);

// The name that somebody who wrote `text` may have meant; empty if none is near.
[[nodiscard]] std::string_view nearest_name(std::string_view text, std::span<const std::string_view> names);

}  // namespace wskit::protocol
