#include "wsserve/presence/record.h"

#include "wsserve/json_object.h"

namespace wskit::server::people {
namespace {

std::string time_text(protocol::SystemMicros time) {
  protocol::TimestampWriter writer;
  return std::string(writer.write(time));
}

void add_user(JsonObject& json, std::string_view user) {
  if (user.empty()) {
    json.add_json("user", "null");
  } else {
    json.add("user", user);
  }
}

}  // namespace

std::string to_json(const Description& description) {
  const Record& record = description.record;
  const protocol::DeliveryCounters& counters = description.counters;
  std::string subscriptions;
  for (const std::string_view name : description.subscriptions) {
    subscriptions += subscriptions.empty() ? '[' : ',';
    protocol::append_quoted(subscriptions, name);
  }
  subscriptions += subscriptions.empty() ? "[]" : "]";
  JsonObject json;
  json.add("connection", description.connection);
  add_user(json, description.user);
  json.add("address", description.address);
  json.add("kind", description.kind);
  json.add("connected_at", time_text(record.connected_at));
  json.add("last_seen", time_text(description.last_seen));
  json.add("messages_in", record.messages_in);
  json.add("messages_out", record.replies + counters.delivered);
  json.add("bytes_in", record.bytes_in);
  json.add("bytes_out", record.bytes_out);
  json.add("queued_bytes", counters.queued_bytes);
  json.add("delivered", counters.delivered);
  json.add("merged", counters.merged);
  json.add("filtered", counters.filtered);
  json.add("dropped", counters.dropped);
  json.add_json("subscriptions", subscriptions);
  return json.text();
}

std::string presence_json(std::string_view connection, std::string_view user) {
  JsonObject json;
  json.add("connection", connection);
  add_user(json, user);
  return json.text();
}

}  // namespace wskit::server::people
