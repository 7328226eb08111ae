// How records are written down so that each can be told from the next one: what
// stands behind it, and whether it has to be made one line.
//
// Threads: plain values.
#pragma once

#include <string>
#include <string_view>

#include "common/protocol/one_line.h"
#include "wspub/event_mapper.h"
#include "wspub/record_splitter.h"

namespace wskit::pub {

struct RecordFormat {
  char separator = '\n';
  bool is_line = false;  // line breaks within a record become blanks

  // Appends a record, or a part of one.
  void append(std::string& out, std::string_view part) const {
    if (is_line) {
      protocol::append_one_line(out, part);
    } else {
      out.append(part);
    }
  }

  bool operator==(const RecordFormat&) const = default;
};

// Of records that were read with `separator`. JSON is one line, whatever it was
// read as; a text keeps its line breaks, so that a whole one ends with NUL.
[[nodiscard]] constexpr RecordFormat record_format(Separator separator, InputKind input) {
  if (separator == Separator::kNul) return {'\0', false};
  if (input == InputKind::kJson) return {'\n', true};
  return {separator == Separator::kNone ? '\0' : '\n', false};
}

}  // namespace wskit::pub
