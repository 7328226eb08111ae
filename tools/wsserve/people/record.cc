#include "wsserve/people/record.h"

#include <nlohmann/json.hpp>

namespace wskit::server::people {
namespace {

using Json = nlohmann::ordered_json;

Json user_json(std::string_view user) { return user.empty() ? Json(nullptr) : Json(user); }

std::string time_text(protocol::SystemMicros time) {
  protocol::TimestampWriter writer;
  return std::string(writer.write(time));
}

}  // namespace

std::string to_json(const Description& description) {
  const Record& record = description.record;
  const protocol::DeliveryCounters& counters = description.counters;
  Json json;
  json["connection"] = description.connection;
  json["user"] = user_json(description.user);
  json["address"] = description.address;
  json["kind"] = description.kind;
  json["connected_at"] = time_text(record.connected_at);
  json["last_seen"] = time_text(description.last_seen);
  json["messages_in"] = record.messages_in;
  json["messages_out"] = record.replies + counters.delivered;
  json["bytes_in"] = record.bytes_in;
  json["bytes_out"] = record.bytes_out;
  json["queued_bytes"] = counters.queued_bytes;
  json["delivered"] = counters.delivered;
  json["merged"] = counters.merged;
  json["filtered"] = counters.filtered;
  json["dropped"] = counters.dropped;
  json["subscriptions"] = description.subscriptions;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string presence_json(std::string_view connection, std::string_view user) {
  Json json;
  json["connection"] = connection;
  json["user"] = user_json(user);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace wskit::server::people
