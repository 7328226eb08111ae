// Where a value stands in a line: `.message.product_id`, `symbol`, `.legs[0].qty`,
// `.["odd key"]`; `.` is the whole line. Or as a JSON Pointer (RFC 6901): `/legs/0/qty`.
//
// Threads: immutable values.
#pragma once

#include <boost/system/result.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wskit::protocol {

struct PathError {
  std::string message;  // names the fault and its column
};
[[noreturn]] void throw_exception_from_error(const PathError& error, const boost::source_location&);

class JsonPath {
 public:
  // The first dot may be left out: `a.b` is `.a.b`. What begins with a slash is a
  // JSON Pointer.
  [[nodiscard]] static boost::system::result<JsonPath, PathError> parse(std::string_view text);

  // The value there, as it is written. REQUIRES: `value` is valid JSON without
  // white space around it.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view value) const;

  [[nodiscard]] const std::string& text() const { return text_; }

  bool operator==(const JsonPath&) const = default;

 private:
  // A step of a pointer may be both: the value decides.
  struct Step {
    std::optional<std::string> key;    // of a member
    std::optional<std::size_t> index;  // of an element

    bool operator==(const Step&) const = default;
  };

  [[nodiscard]] static boost::system::result<JsonPath, PathError> parse_pointer(std::string_view text);

  std::string text_;  // as it was written, with the first dot
  std::vector<Step> steps_;
};

}  // namespace wskit::protocol
