#include "wspub/fields.h"

#include <fmt/format.h>

#include "common/protocol/json_value.h"

namespace wskit::pub {

LineResult<std::string_view> Fields::find(const protocol::JsonPath& path) const {
  if (const auto found = path.find(value_)) return *found;
  if (data_.data() != value_.data()) {
    if (const auto found = path.find(data_)) return *found;
  }
  return LineError{0, fmt::format("no field {}", path.text())};
}

LineResult<std::string_view> Fields::text(const protocol::JsonPath& path, std::string& storage) const {
  const auto found = find(path);
  if (!found) return found;
  const protocol::JsonKind kind = protocol::json_kind(*found);
  switch (kind) {
    case protocol::JsonKind::kNumber:
    case protocol::JsonKind::kBoolean:
      return *found;
    case protocol::JsonKind::kString:
      if (const auto text = protocol::json_string(*found, storage)) return *text;
      return LineError{
          column(*found),
          fmt::format("the field {} holds half of a surrogate pair, which is no text", path.text())};
    default:
      return LineError{column(*found),
                       fmt::format("the field {} is {}, where a string, a number or a boolean is needed",
                                   path.text(), protocol::describe(kind))};
  }
}

}  // namespace wskit::pub
