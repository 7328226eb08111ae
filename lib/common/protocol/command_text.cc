#include "common/protocol/command_text.h"

#include "common/protocol/json_writer.h"

namespace wskit::protocol {
namespace {

void append_events(JsonWriter& json, std::string& out, const Command& command) {
  if (!command.producer.empty()) json.member("producer", command.producer);
  json.name("events");
  json.begin_array();
  for (std::size_t i = 0; i < command.publish.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_publish_event(out, command.publish[i]);
  }
  json.end_array();
}

}  // namespace

void append_publish_event(std::string& out, const PublishEvent& event) {
  const auto bare = [&out](std::string_view name, std::string_view text) {
    if (!text.empty()) out.append(name).append(text).push_back('"');
  };
  const auto json = [&out](std::string_view name, std::string_view text) {
    if (!text.empty()) out.append(name).append(text);
  };
  bare(R"({"channel":")", event.channel);
  bare(R"(,"type":")", event.type);
  bare(R"(,"timestamp":")", event.timestamp);
  json(R"(,"key":)", event.key);
  json(R"(,"dedup":)", event.dedup);
  if (event.sequence != kNoSequence) out.append(kSequenceBegin).append(std::to_string(event.sequence));
  json(R"(,"data":)", event.data);
  out.push_back('}');
}

void append_command(std::string& out, const Command& command) {
  JsonWriter json(out);
  json.begin_object();
  json.member("action", kActionNames[static_cast<std::size_t>(command.action)]);
  if (!command.id.empty()) json.member_json("id", command.id);
  if (command.channels) {
    const bool one = command.action == Action::kHistory || command.action == Action::kPresence;
    if (one) {
      json.member("channel", command.channels->front());
    } else {
      json.member_list("channels", *command.channels);
    }
  }
  if (command.event_types) json.member_list("events", *command.event_types);
  if (command.since) json.member_json("since", to_json(*command.since));
  json.member_if("max_rate", command.max_rate);
  json.member_if("conflate", command.conflate);
  json.member_if("limit", command.limit);
  if (command.matched) json.member("matched", true);
  if (!command.filter.empty()) json.member_json("filter", command.filter);
  if (!command.token.empty()) json.member("token", command.token);
  if (!command.timestamp.empty()) json.member_json("timestamp", command.timestamp);
  if (command.action == Action::kPublish) append_events(json, out, command);
  json.end_object();
}

}  // namespace wskit::protocol
