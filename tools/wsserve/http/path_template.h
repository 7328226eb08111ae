// The path of an address with variables in it: `/api/ws/stream/backtest/{id}`.
//
// Threads: immutable values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/protocol/error.h"

namespace wskit::server::http {

class PathTemplate {
 public:
  // A variable takes a whole segment. The error's message names fault and remedy.
  [[nodiscard]] static protocol::Result<PathTemplate> parse(std::string_view text);

  // The variables' values, percent-decoded, in the order of variables(), if the
  // path (as it came, without the query) is one of the template's. One with a
  // broken escape is none.
  [[nodiscard]] std::optional<std::vector<std::string>> match(std::string_view path) const;

  // Whether there is a path that both match.
  [[nodiscard]] bool overlaps(const PathTemplate& other) const;

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::vector<std::string>& variables() const { return variables_; }

 private:
  struct Segment {
    std::string text;  // empty: a variable
  };

  std::string text_;
  std::vector<Segment> segments_;
  std::vector<std::string> variables_;
};

// Letters, digits, `_` and `-`: what a variable may be called.
[[nodiscard]] bool is_variable_name(std::string_view text);

}  // namespace wskit::server::http
