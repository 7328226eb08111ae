#include "wsserve/event_key.h"

#include "common/protocol/command.h"
#include "common/protocol/control.h"
#include "common/protocol/json_value.h"

namespace wskit::server {

std::string_view key_of(std::string_view data, const protocol::JsonPath& path, std::string& storage) {
  const auto value = path.find(data);
  if (!value) return {};
  std::string decoded;
  std::string_view key = *value;
  switch (protocol::json_kind(*value)) {
    case protocol::JsonKind::kString: {
      const auto text = protocol::json_string(*value, decoded);
      if (!text) return {};
      key = *text;
      break;
    }
    case protocol::JsonKind::kNumber:
    case protocol::JsonKind::kBoolean:
      break;
    default:
      return {};
  }
  if (key.empty() || key.size() > protocol::kMaxNameBytes) return {};
  storage.clear();
  protocol::append_json_string(storage, key);
  return storage;
}

}  // namespace wskit::server
