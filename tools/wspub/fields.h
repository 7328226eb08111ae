// The fields of one line, as templates and the --…-from options look them up:
// first in the line itself, then in its data (`run` of
// `{"type":…,"data":{"run":7}}`).
//
// Threads: a value over text that somebody else owns.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/protocol/json_path.h"
#include "wspub/line_error.h"

namespace wskit::pub {

class Fields {
 public:
  // `line`: the whole record, for columns. `value`: the JSON value in it.
  // `data`: the value that will be published, a slice of `value`.
  Fields(std::string_view line, std::string_view value, std::string_view data)
      : line_(line), value_(value), data_(data) {}

  // The value at `path`; an error that names the path where there is none.
  [[nodiscard]] LineResult<std::string_view> find(const protocol::JsonPath& path) const;

  // The same as bare text: a string's content, the digits of a number, `true` or
  // `false`; an error for anything else. A string written with escapes is
  // decoded into `storage`.
  [[nodiscard]] LineResult<std::string_view> text(const protocol::JsonPath& path, std::string& storage) const;

  // The column at which a slice of the line begins.
  [[nodiscard]] std::size_t column(std::string_view slice) const {
    return static_cast<std::size_t>(slice.data() - line_.data()) + 1;
  }

 private:
  std::string_view line_;
  std::string_view value_;
  std::string_view data_;
};

}  // namespace wskit::pub
