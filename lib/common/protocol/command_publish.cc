// Commands that publish: one event, a batch, or events that were cut out of something else.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>

#include "common/protocol/channel.h"
#include "common/protocol/command_state.h"
#include "common/protocol/event.h"
#include "common/protocol/json_writer.h"
#include "common/protocol/quote.h"
#include "common/protocol/timestamp.h"

namespace wskit::protocol {
namespace {

using Field = CommandField;

constexpr std::string_view kDefaultType = "message";

Error bad_event(std::string message) { return {ErrorCode::kBadEvent, std::move(message), ""}; }

Error too_many_events() {
  return {ErrorCode::kTooLarge,
          fmt::format("\"events\" holds more than {} events; send several batches", kMaxListElements), ""};
}

Error unpublishable(std::string_view channel) {
  const std::string quoted = quote(channel);
  const std::string_view reason =
      is_server_channel(channel)
          ? "channels that begin with @ are the server's own; publishing to @all, @user/… and @connection/… "
            "takes a grant that begins with @"
          : "patterns select channels for subscribing; publish to each channel by its name";
  return {is_server_channel(channel) ? ErrorCode::kForbidden : ErrorCode::kBadChannel,
          fmt::format("channel {}: {}", quoted, reason), fmt::format(R"({{"channel":{}}})", quoted)};
}

}  // namespace

Result<void> CommandParser::State::read_publish() {
  Result<void> producer = read_producer(fields[Field::kProducer]);
  if (!producer) return producer;
  if (fields.has(Field::kEvents)) return read_batch();
  return read_event(fields);
}

Result<void> CommandParser::State::read_producer(std::string_view value) {
  if (value.empty()) return {};
  const Result<std::string_view> name = text(value, ErrorCode::kBadCommand, Field::kProducer);
  if (!name) return name.error();
  const auto characters = static_cast<std::size_t>(std::ranges::count_if(
      *name, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }));
  if (characters == 0 || characters > kMaxProducerCharacters) {
    return bad_command(fmt::format("\"producer\" has {} characters; it must have 1 to {}", characters,
                                   kMaxProducerCharacters));
  }
  command.producer = *name;
  return {};
}

Result<void> CommandParser::State::read_batch() {
  command.batch = true;
  for (const Field field : {Field::kChannel, Field::kData, Field::kType, Field::kTimestamp, Field::kKey,
                            Field::kDedup, Field::kSequence}) {
    if (fields.has(field)) {
      return bad_command(
          fmt::format("{} and \"events\" exclude each other; each event of a batch has its own",
                      quote(kCommandFieldNames[field])));
    }
  }
  if (!fields[Field::kEvents].starts_with('['))
    return bad_command("\"events\" must be an array of events to publish");
  if (slices.elements().empty()) return bad_command("\"events\" is empty; a batch has at least one event");
  if (slices.has_more_elements()) return too_many_events();
  std::size_t index = 0;
  for (const CommandSlices::Element& element : slices.elements()) {
    if (!element.text.starts_with('{')) return at_index(bad_event("an event is a JSON object"), index);
    const std::optional<Field> repeated = element.fields.repeated();
    if (repeated) return at_index(repeated_field(*repeated), index);
    if (const auto error = check_members(element.fields, "an event of a batch", kEventMembers)) {
      return at_index(*error, index);
    }
    const Result<void> event = read_event(element.fields);
    if (!event) return at_index(event.error(), index);
    ++index;
  }
  return {};
}

Result<void> CommandParser::State::read_events(std::span<const CommandFields> events,
                                               std::string_view producer) {
  Result<void> named = read_producer(producer);
  if (!named) return named;
  if (events.size() > kMaxListElements) return too_many_events();
  for (std::size_t index = 0; index < events.size(); ++index) {
    const Result<void> event = read_event(events[index]);
    if (!event) return command.batch ? at_index(event.error(), index) : event.error();
  }
  return {};
}

Result<void> CommandParser::State::read_event(const CommandFields& event) {
  PublishEvent published;
  if (!event.has(Field::kChannel)) return bad_event("\"channel\" is missing: where to publish");
  const Result<std::string_view> channel =
      text(event[Field::kChannel], ErrorCode::kBadEvent, Field::kChannel);
  if (!channel) return channel.error();
  published.channel = *channel;
  const bool refused = server_space == ServerSpace::kRefused && is_server_channel(*channel);
  if (refused || looks_like_pattern(*channel)) return unpublishable(*channel);
  Result<void> checked = check_channel(*channel);
  if (!checked) return checked;

  const Result<std::string_view> type = type_of(event);
  if (!type) return type.error();
  published.type = *type;
  const Result<std::string_view> timestamp = timestamp_of(event);
  if (!timestamp) return timestamp.error();
  published.timestamp = *timestamp;
  const Result<std::string_view> key = name_of(event, Field::kKey);
  if (!key) return key.error();
  published.key = *key;
  const Result<std::string_view> dedup = name_of(event, Field::kDedup);
  if (!dedup) return dedup.error();
  published.dedup = *dedup;
  const Result<std::int64_t> sequence = sequence_of(event);
  if (!sequence) return sequence.error();
  published.sequence = *sequence;
  published.data = event[Field::kData];
  if (published.data.empty()) return bad_event("\"data\" is missing; null is a value, too");
  command.publish.push_back(published);
  return {};
}

Result<std::string_view> CommandParser::State::type_of(const CommandFields& event) {
  if (!event.has(Field::kType)) return kDefaultType;
  Result<std::string_view> type = text(event[Field::kType], ErrorCode::kBadEvent, Field::kType);
  if (!type || is_valid_type(*type)) return type;
  return bad_event(fmt::format("the type {} is not valid: 1 to {} characters of A-Z a-z 0-9 _ . : -",
                               quote(*type), kMaxTypeBytes));
}

Result<std::string_view> CommandParser::State::timestamp_of(const CommandFields& event) {
  if (!event.has(Field::kTimestamp)) return std::string_view();
  Result<std::string_view> timestamp =
      text(event[Field::kTimestamp], ErrorCode::kBadEvent, Field::kTimestamp);
  if (!timestamp) return timestamp;
  const Result<SystemMicros> time = parse_timestamp(*timestamp);
  if (!time) return time.error();
  return timestamp;
}

// A key or dedup: a JSON string of bounded length, or nothing. Escapes are written
// anew, and only where there must be one, so that equal names are equal bytes.
Result<std::string_view> CommandParser::State::name_of(const CommandFields& event, Field field) {
  const std::string_view value = event[field];
  if (value.empty()) return value;
  const Result<std::string_view> content = text(value, ErrorCode::kBadEvent, field);
  if (!content) return content.error();
  if (content->empty() || content->size() > kMaxNameBytes) {
    return bad_event(
        fmt::format("{} must have 1 to {} bytes", quote(kCommandFieldNames[field]), kMaxNameBytes));
  }
  if (content->size() == value.size() - 2) return value;
  rewritten.reserve(message_bytes);  // never longer than what the message says
  const std::size_t first = rewritten.size();
  append_json_string(rewritten, *content);
  return std::string_view(rewritten).substr(first);
}

// The sequence of an event, which it must have if the command has a producer, and
// only then.
Result<std::int64_t> CommandParser::State::sequence_of(const CommandFields& event) {
  if (&event != &fields && event.has(Field::kProducer)) {
    return bad_event("\"producer\" stands beside \"events\", once for all of them, and not in an event");
  }
  if (!event.has(Field::kSequence)) {
    if (command.producer.empty()) return kNoSequence;
    return bad_event("\"sequence\" is missing: each event of a producer has one");
  }
  if (event.has(Field::kDedup)) {
    return bad_event(
        "\"dedup\" and \"sequence\" exclude each other: either one says that an event is the same");
  }
  const std::string_view value = event[Field::kSequence];
  std::int64_t sequence = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), sequence);
  if (error != std::errc{} || end != value.data() + value.size() || value.front() == '-') {
    return bad_event(fmt::format("\"sequence\" must be an integer from 0 to {}",
                                 std::numeric_limits<std::int64_t>::max()));
  }
  if (command.producer.empty()) {
    return bad_event("\"sequence\" needs a \"producer\" in the command, whose sequences rise");
  }
  return sequence;
}

}  // namespace wskit::protocol
