#include "common/protocol/json_value.h"

#include "common/protocol/json_text.h"

namespace wskit::protocol {

JsonKind json_kind(std::string_view value) {
  switch (value.front()) {
    case '{':
      return JsonKind::kObject;
    case '[':
      return JsonKind::kArray;
    case '"':
      return JsonKind::kString;
    case 't':
    case 'f':
      return JsonKind::kBoolean;
    case 'n':
      return JsonKind::kNull;
    default:
      return JsonKind::kNumber;
  }
}

std::string_view describe(JsonKind kind) {
  switch (kind) {
    case JsonKind::kObject:
      return "an object";
    case JsonKind::kArray:
      return "an array";
    case JsonKind::kString:
      return "a string";
    case JsonKind::kNumber:
      return "a number";
    case JsonKind::kBoolean:
      return "a boolean";
    case JsonKind::kNull:
      break;
  }
  return "null";
}

bool spells(std::string_view raw_key, std::string_view name) {
  if (raw_key == name) return true;
  if (raw_key.find('\\') == std::string_view::npos) return false;
  std::string decoded;
  return append_decoded(decoded, raw_key) && decoded == name;
}

std::optional<std::string_view> json_member(std::string_view object, std::string_view name) {
  std::optional<std::string_view> found;
  JsonScanner scanner(object);
  std::string_view key;
  for (bool more = scanner.begin_object(key); more; more = scanner.next_member(key)) {
    const bool wanted = spells(key, name);
    const std::string_view value = scanner.value();
    if (wanted) found = value;
  }
  return found;
}

std::optional<std::string_view> json_element(std::string_view array, std::size_t index) {
  JsonScanner scanner(array);
  for (bool more = scanner.begin_array(); more; more = scanner.next_element()) {
    const std::string_view value = scanner.value();
    if (index-- == 0) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> json_string(std::string_view value, std::string& storage) {
  const std::string_view content = value.substr(1, value.size() - 2);
  if (content.find('\\') == std::string_view::npos) return content;
  storage.clear();
  if (!append_decoded(storage, content)) return std::nullopt;
  return storage;
}

std::optional<std::string_view> json_scalar_text(std::string_view value, std::string& storage) {
  switch (json_kind(value)) {
    case JsonKind::kString:
      return json_string(value, storage);
    case JsonKind::kNumber:
    case JsonKind::kBoolean:
      return value;
    default:
      return std::nullopt;
  }
}

}  // namespace wskit::protocol
