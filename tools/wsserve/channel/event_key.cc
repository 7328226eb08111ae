#include "wsserve/channel/event_key.h"

#include "common/protocol/command.h"
#include "common/protocol/json_value.h"
#include "common/protocol/json_writer.h"

namespace wskit::server {

std::string_view key_of(std::string_view data, const protocol::JsonPath& path, std::string& storage) {
  const auto value = path.find(data);
  if (!value) return {};
  std::string decoded;
  const auto key = protocol::json_scalar_text(*value, decoded);
  if (!key || key->empty() || key->size() > protocol::kMaxNameBytes) return {};
  storage.clear();
  protocol::append_json_string(storage, *key);
  return storage;
}

}  // namespace wskit::server
