#include "wstap/control_message.h"

#include <nlohmann/json.hpp>

namespace wskit::tap {
namespace {

using nlohmann::json;

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::optional<std::uint64_t> number_of(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

const json& array_of(const json& object, const char* name) {
  static const json kEmpty = json::array();
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : kEmpty;
}

// `are_listed`: those of a pattern, which list none themselves.
std::vector<SubscribedEntry> parse_entries(const json& array, bool are_listed = false) {
  static const json kNone = json::array();
  std::vector<SubscribedEntry> entries;
  for (const json& object : array) {
    if (!object.is_object()) continue;
    const auto recovered = object.find("recovered");
    entries.push_back({.channel = text_of(object, "channel"),
                       .offset = number_of(object, "offset"),
                       .epoch = text_of(object, "epoch"),
                       .recovered = recovered != object.end() && *recovered == true,
                       .replayed = number_of(object, "replayed").value_or(0),
                       .oldest = number_of(object, "oldest"),
                       .gaps = parse_entries(are_listed ? kNone : array_of(object, "gaps"), true),
                       .more_gaps = number_of(object, "more_gaps").value_or(0),
                       .matched = parse_entries(are_listed ? kNone : array_of(object, "matched"), true),
                       .lists = !are_listed && object.contains("matched")});
  }
  return entries;
}

}  // namespace

ControlMessage parse_control(std::string_view text) {
  ControlMessage message;
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return message;
  message.type = text_of(object, "type");
  message.timestamp = text_of(object, "timestamp");
  // One of ours is a number or a string.
  if (const auto id = object.find("id"); id != object.end() && !id->is_structured()) message.id = id->dump();
  const auto found = object.find("data");
  if (found == object.end() || !found->is_object()) return message;
  const json& content = *found;
  if (message.type == "subscribed") {
    message.subscribed = parse_entries(array_of(content, "channels"));
  } else if (message.type == "connected") {
    for (const json& channel : array_of(content, "channels")) {
      if (channel.is_string()) message.channels.push_back(channel.get<std::string>());
    }
  } else if (message.type == "history") {
    message.epoch = text_of(content, "epoch");
  } else if (message.type == "error") {
    message.error_code = text_of(content, "code");
    message.error_message = text_of(content, "message");
  }
  return message;
}

}  // namespace wskit::tap
