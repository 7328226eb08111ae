#include "wstap/control_message.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "common/protocol/channel.h"
#include "common/protocol/event.h"
#include "common/protocol/quote.h"

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

// Returns what is wrong with an entry; empty: nothing.
std::string fault_of(const SubscribedEntry& entry, bool is_listed) {
  const bool may_be_pattern = !is_listed && !entry.offset;
  const bool is_pattern = may_be_pattern && protocol::looks_like_pattern(entry.channel);
  if (is_pattern) {
    const protocol::Result<protocol::Pattern> pattern = protocol::Pattern::parse(entry.channel);
    if (!pattern) return pattern.error().message;
  } else if (const protocol::Result<void> checked = protocol::check_channel(entry.channel); !checked) {
    return checked.error().message;
  }
  if (!entry.epoch.empty() && !protocol::is_valid_type(entry.epoch)) {
    return fmt::format("{} is no epoch", protocol::quote(entry.epoch));
  }
  if (entry.offset > kMostOffset || entry.oldest > kMostOffset || entry.oldest == std::uint64_t{0}) {
    return fmt::format("channel {}: its offsets cannot be", protocol::quote(entry.channel));
  }
  return {};
}

// Reads the entries of lists. `message` receives what is wrong with those that it passes over.
class EntryReader {
 public:
  explicit EntryReader(ControlMessage& message) : message_(message) {}

  // `are_listed`: they are those of a pattern, which list none themselves.
  std::vector<SubscribedEntry> read(const json& array, bool are_listed = false) {
    static const json kNone = json::array();
    std::vector<SubscribedEntry> entries;
    for (const json& object : array) {
      if (!object.is_object()) continue;
      const auto recovered = object.find("recovered");
      SubscribedEntry entry{.channel = text_of(object, "channel"),
                            .offset = number_of(object, "offset"),
                            .epoch = text_of(object, "epoch"),
                            .recovered = recovered != object.end() && *recovered == true,
                            .replayed = number_of(object, "replayed").value_or(0),
                            .oldest = number_of(object, "oldest"),
                            .gaps = read(are_listed ? kNone : array_of(object, "gaps"), true),
                            .more_gaps = number_of(object, "more_gaps").value_or(0),
                            .matched = read(are_listed ? kNone : array_of(object, "matched"), true),
                            .lists = !are_listed && object.contains("matched")};
      if (std::string fault = fault_of(entry, are_listed); !fault.empty()) {
        if (message_.passed_over++ == 0) message_.fault = std::move(fault);
        continue;
      }
      entries.push_back(std::move(entry));
    }
    return entries;
  }

 private:
  ControlMessage& message_;
};

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
    message.subscribed = EntryReader(message).read(array_of(content, "channels"));
  } else if (message.type == "connected") {
    for (const json& channel : array_of(content, "channels")) {
      if (!channel.is_string() || !protocol::Pattern::parse(channel.get<std::string>())) continue;
      message.channels.push_back(channel.get<std::string>());
    }
  } else if (message.type == "history") {
    message.epoch = text_of(content, "epoch");
    if (!protocol::is_valid_type(message.epoch)) message.epoch.clear();
  } else if (message.type == "error") {
    message.error_code = text_of(content, "code");
    message.error_message = text_of(content, "message");
  }
  return message;
}

}  // namespace wskit::tap
