#include "wspub/fields.h"

#include <fmt/format.h>

#include "wspub/json_value.h"

namespace wskit::pub {

LineResult<std::string_view> Fields::find(const JsonPath& path) const {
  if (const auto found = path.find(value_)) return *found;
  if (data_.data() != value_.data()) {
    if (const auto found = path.find(data_)) return *found;
  }
  return LineError{0, fmt::format("no field {}", path.text())};
}

LineResult<std::string_view> Fields::text(const JsonPath& path, std::string& storage) const {
  const auto found = find(path);
  if (!found) return found;
  const JsonKind kind = json_kind(*found);
  switch (kind) {
    case JsonKind::kNumber:
    case JsonKind::kBoolean:
      return *found;
    case JsonKind::kString:
      if (const auto text = json_string(*found, storage)) return *text;
      return LineError{
          column(*found),
          fmt::format("the field {} holds half of a surrogate pair, which is no text", path.text())};
    default:
      return LineError{column(*found),
                       fmt::format("the field {} is {}, where a string, a number or a boolean is needed",
                                   path.text(), describe(kind))};
  }
}

}  // namespace wskit::pub
