// The command parser and the JSON scanner under it, against simdjson's DOM as a
// second opinion on what JSON is.
#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "claim.h"
#include "common/protocol/channel.h"
#include "common/protocol/command.h"
#include "common/protocol/event.h"
#include "common/protocol/json_text.h"
#include "common/protocol/position.h"
#include "common/protocol/reply.h"
#include "common/protocol/timestamp.h"
#include "support/encode_event.h"

namespace {

using namespace wskit::protocol;  // NOLINT(google-build-using-namespace): a program of its own
using wskit::fuzz::claim;
using wskit::test::encode_event;

bool is_json(std::string_view text) {
  JsonScanner scanner(text);
  (void)scanner.value();
  const bool valid = scanner.finish();
  claim(valid || scanner.fault().position <= text.size(), "a fault lies within the text");
  claim(valid || !scanner.fault().reason.empty(), "a fault has a reason");
  return valid;
}

// What simdjson accepts is JSON, but for deeper nesting than ours; what it
// refuses is none, or a number or an escape that its values cannot hold.
void compare_with_simdjson(const std::string& text, bool valid) {
  static simdjson::dom::parser parser;
  const simdjson::error_code error = parser.parse(text.data(), text.size(), true).error();
  if (error == simdjson::SUCCESS) {
    JsonScanner scanner(text);
    (void)scanner.value();
    claim(valid || scanner.fault().reason.find("nested") != std::string_view::npos,
          "simdjson accepts it, so it is JSON");
  } else if (error == simdjson::UTF8_ERROR || error == simdjson::UNCLOSED_STRING ||
             error == simdjson::EMPTY || error == simdjson::UNESCAPED_CHARS) {
    claim(!valid, "simdjson refuses it for a reason that the grammar has as well");
  }
}

void check_publish(const Command& command) {
  claim(!command.publish.empty(), "a publish has an event");
  for (const PublishEvent& event : command.publish) {
    claim(static_cast<bool>(check_channel(event.channel)), "the channel is valid");
    claim(!is_server_channel(event.channel), "nobody publishes to the server's space");
    claim(is_valid_type(event.type), "the type is valid");
    claim((event.sequence >= 0) == !command.producer.empty(),
          "a producer's events have sequences, no others");
    claim(event.sequence < 0 || event.dedup.empty(), "a sequence is without a dedup id");
    claim(event.timestamp.empty() || static_cast<bool>(parse_timestamp(event.timestamp)),
          "the timestamp is valid");
    claim(is_json(event.data), "the data is JSON");
    claim(event.key.empty() || (is_json_string(event.key) && is_json(event.key)), "the key is a JSON string");

    EventView view;
    view.type = event.type;
    view.channel = event.channel;
    view.offset = 1;
    view.timestamp = event.timestamp.empty() ? "2026-11-20T10:00:00.123456Z" : event.timestamp;
    view.key = event.key;
    view.data = event.data;
    std::string storage;
    const auto decoded = decode_event(encode_event(view), storage);
    // The encoded text is gone, but not what the views were compared with.
    claim(static_cast<bool>(decoded), "what may be published can be read by a subscriber");
  }
}

void check_command(const Command& command) {
  claim(command.id.empty() || is_json(command.id), "the id is JSON");
  if (command.action == Action::kPublish) check_publish(command);
  if (command.channels) {
    claim(!command.channels->empty(), "a list of channels names one");
    for (const std::string_view name : *command.channels) {
      claim(static_cast<bool>(Pattern::parse(name)), "a channel to subscribe is a name or a pattern");
    }
  }
  if (command.event_types) {
    for (const std::string_view type : *command.event_types)
      claim(is_valid_type(type), "an event type is valid");
  }
  if (command.since) claim(is_json(to_json(*command.since)), "a position is written as JSON");
  if (command.limit) claim(*command.limit >= 1, "a page holds an event");
}

void check_refusal(const CommandError& refused, bool valid) {
  claim((refused.error.code == ErrorCode::kBadJson) == !valid,
        "BAD_JSON is for what is no JSON, and only for that");
  claim(!refused.error.message.empty(), "an error says why");
  std::string reply;
  append_reply(reply, refused.id, "2026-11-20T10:00:00.123456Z", wskit::protocol::refused(refused.error));
  claim(is_json(reply), "an error is written as JSON");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  const bool valid = is_json(text);
  compare_with_simdjson(text, valid);
  static CommandParser parser;
  const auto command = parser.parse(text);
  if (command) {
    claim(valid, "a command is valid JSON");
    check_command(**command);
  } else {
    check_refusal(command.error(), valid);
  }
  return 0;
}
