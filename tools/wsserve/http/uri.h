// Percent-encoding and query strings of a request target (RFC 3986).
#pragma once

#include <optional>
#include <span>
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

// Names the fault in the query of an address that takes these parameters: one that it
// does not know, or one twice that is not among `repeatable`; empty: nothing. `token`
// is known everywhere.
[[nodiscard]] std::string query_fault(const QueryParameters& query, std::span<const std::string_view> known,
                                      std::span<const std::string_view> repeatable = {});
// Its second half alone, for the parameters in `once`.
[[nodiscard]] std::string repeated_parameter(const QueryParameters& query,
                                             std::span<const std::string_view> once);

// The parts of `text` between commas, without the empty ones.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);

}  // namespace wskit::server::http
