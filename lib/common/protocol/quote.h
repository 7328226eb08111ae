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
// UTF-8 becomes U+FFFD, and what is longer than any valid name ends in "…".
[[nodiscard]] std::string quote(std::string_view text);

// The name that somebody who wrote `text` may have meant; empty if none is near.
[[nodiscard]] std::string_view nearest_name(std::string_view text, std::span<const std::string_view> names);

}  // namespace wskit::protocol
