// The values of header fields: lists with commas, and names in upper or lower case
// (RFC 9110 sections 5.5 and 5.6.1).
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wskit::server::http {

// The items of a list; empty ones are none. The views point into the value.
[[nodiscard]] std::vector<std::string_view> list_items(std::string_view value);

// Tokens are the same in upper and lower case. Not for more than ASCII, and without the
// program's locale: asking that for each letter takes most of the time of an upgrade.
[[nodiscard]] bool same_token(std::string_view one, std::string_view other);

// With the letters of ASCII in lower case.
[[nodiscard]] std::string lower_case(std::string_view value);

}  // namespace wskit::server::http
