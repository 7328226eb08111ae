// Percent-encoding and query strings of a request target (RFC 3986).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wskit::server::http {

// Nothing where an escape is malformed. `plus_is_space` in query values.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

// `a=1&b=2` decoded, in order; nothing where an escape is malformed.
using QueryParameters = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] std::optional<QueryParameters> parse_query(std::string_view query);

// The parts of `text` between commas, without the empty ones.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);

}  // namespace wskit::server::http
