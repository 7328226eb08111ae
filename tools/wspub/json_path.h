// Where a value stands in a line: `.message.product_id`, `symbol`, `.legs[0].qty`,
// `.["odd key"]`; `.` is the whole line.
//
// Threads: immutable values.
#pragma once

#include <boost/system/result.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace wskit::pub {

struct PathError {
  std::string message;  // names the fault and its column
};
[[noreturn]] void throw_exception_from_error(const PathError& error, const boost::source_location&);

class JsonPath {
 public:
  // The first dot may be left out: `a.b` is `.a.b`.
  [[nodiscard]] static boost::system::result<JsonPath, PathError> parse(std::string_view text);

  // The value there, as it is written. REQUIRES: `value` is valid JSON without
  // white space around it.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view value) const;

  [[nodiscard]] const std::string& text() const { return text_; }

  bool operator==(const JsonPath&) const = default;

 private:
  using Step = std::variant<std::string, std::size_t>;  // a member's key, or an element's index

  std::string text_;  // with the first dot
  std::vector<Step> steps_;
};

}  // namespace wskit::pub
