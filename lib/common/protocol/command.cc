#include "common/protocol/command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "common/protocol/channel.h"
#include "common/protocol/control.h"
#include "common/protocol/event.h"
#include "common/protocol/fields.h"
#include "common/protocol/json_text.h"
#include "common/protocol/quote.h"
#include "common/protocol/timestamp.h"

namespace wskit::protocol {
namespace {

enum class Field : std::uint8_t {
  kAction,
  kType,
  kId,
  kChannel,
  kData,
  kTimestamp,
  kKey,
  kDedup,
  kEvents,
  kChannels,
  kSince,
  kMaxRate,
  kConflate,
  kFilter,
  kLimit,
  kToken
};
constexpr FieldNames<Field, 16> kFieldNames{{"action", "type", "id", "channel", "data", "timestamp", "key",
                                             "dedup", "events", "channels", "since", "max_rate", "conflate",
                                             "filter", "limit", "token"}};
using Fields = FieldSlices<Field, 16>;

// In the order of enum Action.
constexpr std::array<std::string_view, 8> kActionNames{"auth",    "subscribe", "unsubscribe", "publish",
                                                       "history", "presence",  "ping",        "stats"};

constexpr std::string_view kDefaultType = "message";

// Bounds on what the server keeps or sends back, so that a command cannot make it
// hold many times the command's own size.
constexpr std::size_t kMaxEchoedBytes = 256;
constexpr std::size_t kMaxNameBytes = 128;  // of a key or dedup
constexpr std::size_t kMaxListElements = 10'000;

// One element of the array `events`: an event to publish, or an event type.
struct Element {
  std::string_view text;
  Fields fields;  // of an object
};

Error bad_command(std::string message) { return {ErrorCode::kBadCommand, std::move(message), ""}; }
Error bad_event(std::string message) { return {ErrorCode::kBadEvent, std::move(message), ""}; }

Error repeated_field(Field field) {
  return bad_command(
      fmt::format("the field {} stands there twice; leave one of them out", quote(kFieldNames[field])));
}

// Puts the place in a batch before what the details say already.
Error at_index(Error error, std::size_t index) {
  error.message = fmt::format("event {} of the batch: {}", index, error.message);
  error.details = error.details.empty() ? fmt::format(R"({{"index":{}}})", index)
                                        : fmt::format(R"({{"index":{},{})", index, error.details.substr(1));
  return error;
}

Result<Action> action_named(std::string_view name) {
  const auto* const found = std::ranges::find(kActionNames, name);
  if (found != kActionNames.end()) return static_cast<Action>(found - kActionNames.begin());
  const std::string_view nearest = nearest_name(name, kActionNames);
  return bad_command(fmt::format("unknown action {}{}; the actions are {}", quote(name),
                                 nearest.empty() ? "" : fmt::format(", did you mean {}?", quote(nearest)),
                                 fmt::join(kActionNames, ", ")));
}

}  // namespace

void Command::clear() {
  std::vector<PublishEvent> kept = std::move(publish);
  kept.clear();
  *this = Command();
  publish = std::move(kept);
}

void throw_exception_from_error(const CommandError& error, const boost::source_location&) {
  throw std::logic_error(error.error.message);
}

// The buffers, and the work in two steps: slice() checks the JSON and cuts out
// the fields, read_…() give them their meaning.
struct CommandParser::State {
  std::string_view message;
  Fields fields;
  std::vector<Element> elements;  // of an array `events`
  std::size_t element_count = 0;  // in use, so that the vector keeps its capacity
  bool too_many_elements = false;
  std::string decoded;    // texts that were written with escapes
  std::string rewritten;  // keys and dedups that were
  Command command;

  Result<void> slice();
  std::string_view slice_events(JsonScanner& scanner);

  Result<void> read();
  Result<void> read_action();
  Result<void> read_fields();
  Result<void> read_token();
  Result<void> read_ping();
  Result<void> read_subscribe();
  Result<void> read_unsubscribe();
  Result<void> read_publish();
  Result<void> read_batch();
  Result<void> read_event(const Fields& event);
  Result<void> read_one_channel();
  Result<void> read_channels();
  Result<void> add_channel(std::string_view value);
  Result<void> read_event_types();
  Result<void> add_event_type(std::string_view value);

  Result<std::string_view> text(std::string_view value, ErrorCode code, Field field);
  Result<std::string_view> name(const Fields& event, Field field);
  Result<std::string_view> echoed(Field field);
};

// ---- slicing

Result<void> CommandParser::State::slice() {
  fields.clear();
  element_count = 0;
  too_many_elements = false;
  decoded.clear();
  rewritten.clear();
  command.clear();
  JsonScanner scanner(message);
  bool is_object = scanner.peek() == '{';
  if (is_object) {
    std::string_view key;
    for (bool more = scanner.begin_object(key); more; more = scanner.next_member(key)) {
      const std::optional<Field> field = kFieldNames.find(key);
      const bool events = field == Field::kEvents && element_count == 0 && scanner.peek() == '[';
      const std::string_view value = events ? slice_events(scanner) : scanner.value();
      if (field && !scanner.failed()) fields.put(*field, value);
    }
  } else {
    (void)scanner.value();
  }
  if (!scanner.finish()) {
    const JsonFault fault = scanner.fault();
    return Error{ErrorCode::kBadJson,
                 message.empty() ? "the message is empty; a command is a JSON object"
                                 : fmt::format("invalid JSON at byte {}: {}", fault.position, fault.reason),
                 fmt::format(R"({{"position":{}}})", fault.position)};
  }
  if (!is_object) return bad_command("a command is a JSON object such as {\"action\":\"ping\"}");
  return {};
}

// Cuts the elements out in the same pass, for a batch is long.
std::string_view CommandParser::State::slice_events(JsonScanner& scanner) {
  const char* const first = scanner.position();
  for (bool more = scanner.begin_array(); more; more = scanner.next_element()) {
    if (element_count == kMaxListElements) {
      too_many_elements = true;
      (void)scanner.value();
      continue;
    }
    if (element_count == elements.size()) elements.emplace_back();
    Element& element = elements[element_count++];
    element.fields.clear();
    if (scanner.peek() != '{') {
      element.text = scanner.value();
      continue;
    }
    const char* const object = scanner.position();
    slice_fields(scanner, kFieldNames, element.fields);
    element.text = {object, static_cast<std::size_t>(scanner.position() - object)};
  }
  return {first, static_cast<std::size_t>(scanner.position() - first)};
}

// ---- meaning

Result<std::string_view> CommandParser::State::text(std::string_view value, ErrorCode code, Field field) {
  if (!is_json_string(value)) {
    return Error{code, fmt::format("{} must be a string", quote(kFieldNames[field])), ""};
  }
  const std::optional<std::string_view> text = string_text(value, message.size(), decoded);
  if (text) return *text;
  return Error{
      code, fmt::format("{} holds half a surrogate pair, which is no text", quote(kFieldNames[field])), ""};
}

// The value of a field that is sent back as it came.
Result<std::string_view> CommandParser::State::echoed(Field field) {
  const std::string_view value = fields[field];
  if (value.empty()) return value;
  if (!is_json_string(value) && !is_json_number(value)) {
    return bad_command(fmt::format("{} must be a string or a number", quote(kFieldNames[field])));
  }
  if (value.size() > kMaxEchoedBytes) {
    return bad_command(fmt::format("{} has {} bytes; at most {} are allowed", quote(kFieldNames[field]),
                                   value.size(), kMaxEchoedBytes));
  }
  return value;
}

Result<void> CommandParser::State::read() {
  const Result<std::string_view> id = echoed(Field::kId);
  if (!id) return id.error();
  command.id = *id;
  if (fields.repeated()) return repeated_field(*fields.repeated());
  Result<void> action = read_action();
  if (!action) return action;
  return read_fields();
}

Result<void> CommandParser::State::read_action() {
  if (!fields.has(Field::kAction)) {
    if (fields[Field::kType] == R"("ping")") {
      command.action = Action::kPing;
      return {};
    }
    return bad_command(
        fmt::format("the field \"action\" is missing; the actions are {}", fmt::join(kActionNames, ", ")));
  }
  const Result<std::string_view> name = text(fields[Field::kAction], ErrorCode::kBadCommand, Field::kAction);
  if (!name) return name.error();
  const Result<Action> action = action_named(*name);
  if (!action) return action.error();
  command.action = *action;
  return {};
}

Result<void> CommandParser::State::read_fields() {
  switch (command.action) {
    case Action::kPublish:
      return read_publish();
    case Action::kSubscribe:
      return read_subscribe();
    case Action::kUnsubscribe:
      return read_unsubscribe();
    case Action::kAuth:
      return read_token();
    case Action::kHistory:
      command.since = fields[Field::kSince];
      command.limit = fields[Field::kLimit];
      return read_one_channel();
    case Action::kPresence:
      return read_one_channel();
    case Action::kPing:
      return read_ping();
    case Action::kStats:
      return {};
  }
  return {};
}

Result<void> CommandParser::State::read_token() {
  if (!fields.has(Field::kToken)) return bad_command("auth needs a \"token\"");
  const Result<std::string_view> token = text(fields[Field::kToken], ErrorCode::kBadCommand, Field::kToken);
  if (!token) return token.error();
  if (token->empty()) return bad_command("auth needs a \"token\" that is not empty");
  command.token = *token;
  return {};
}

Result<void> CommandParser::State::read_ping() {
  const Result<std::string_view> timestamp = echoed(Field::kTimestamp);
  if (!timestamp) return timestamp.error();
  command.timestamp = *timestamp;
  return {};
}

Result<void> CommandParser::State::read_subscribe() {
  command.since = fields[Field::kSince];
  command.max_rate = fields[Field::kMaxRate];
  command.conflate = fields[Field::kConflate];
  command.filter = fields[Field::kFilter];
  Result<void> channels = read_channels();
  if (!channels) return channels;
  return read_event_types();
}

Result<void> CommandParser::State::read_unsubscribe() {
  Result<void> channels = read_channels();
  if (!channels) return channels;
  Result<void> event_types = read_event_types();
  if (!event_types) return event_types;
  if (!command.channels && !command.event_types) {
    return bad_command("unsubscribe needs \"channels\" or \"events\": what to leave");
  }
  return {};
}

Result<void> CommandParser::State::read_one_channel() {
  if (!fields.has(Field::kChannel)) {
    return bad_command(
        fmt::format("{} needs a \"channel\"", kActionNames[static_cast<std::size_t>(command.action)]));
  }
  const Result<std::string_view> channel =
      text(fields[Field::kChannel], ErrorCode::kBadCommand, Field::kChannel);
  if (!channel) return channel.error();
  const Result<void> checked = check_channel(*channel);
  if (!checked) return checked.error();
  command.channels.emplace().push_back(*channel);
  return {};
}

// `channels`: an array of names and patterns, or one alone; `channel` counts as
// the second.
Result<void> CommandParser::State::read_channels() {
  if (fields.has(Field::kChannel) && fields.has(Field::kChannels)) {
    return bad_command("\"channel\" and \"channels\" exclude each other; list all names in \"channels\"");
  }
  const std::string_view value = fields[fields.has(Field::kChannel) ? Field::kChannel : Field::kChannels];
  if (value.empty()) return {};
  command.channels.emplace();
  if (is_json_string(value)) return add_channel(value);
  if (!value.starts_with('[')) return bad_command("\"channels\" must be an array of strings");
  JsonScanner scanner(value);
  for (bool more = scanner.begin_array(); more; more = scanner.next_element()) {
    if (command.channels->size() == kMaxListElements) {
      return Error{
          ErrorCode::kTooManyChannels,
          fmt::format("\"channels\" holds more than {} names; send several commands", kMaxListElements), ""};
    }
    Result<void> added = add_channel(scanner.value());
    if (!added) return added;
  }
  if (command.channels->empty())
    return bad_command("\"channels\" is empty; name at least one, or leave it out");
  return {};
}

Result<void> CommandParser::State::add_channel(std::string_view value) {
  const Result<std::string_view> name = text(value, ErrorCode::kBadChannel, Field::kChannels);
  if (!name) return name.error();
  if (looks_like_pattern(*name)) {
    const Result<Pattern> pattern = Pattern::parse(*name);
    if (!pattern) return pattern.error();
  } else {
    Result<void> checked = check_channel(*name);
    if (!checked) return checked;
  }
  command.channels->push_back(*name);
  return {};
}

Result<void> CommandParser::State::read_event_types() {
  const std::string_view value = fields[Field::kEvents];
  if (value.empty()) return {};
  command.event_types.emplace();
  if (is_json_string(value)) return add_event_type(value);
  if (!value.starts_with('[')) return bad_command("\"events\" must be an array of event types");
  if (element_count == 0) return bad_command("\"events\" is empty; name at least one type, or leave it out");
  if (too_many_elements)
    return bad_command(fmt::format("\"events\" holds more than {} types", kMaxListElements));
  for (std::size_t i = 0; i < element_count; ++i) {
    Result<void> added = add_event_type(elements[i].text);
    if (!added) return added;
  }
  return {};
}

Result<void> CommandParser::State::add_event_type(std::string_view value) {
  const Result<std::string_view> type = text(value, ErrorCode::kBadCommand, Field::kEvents);
  if (!type) return type.error();
  if (!is_valid_type(*type)) {
    return bad_command(
        fmt::format("{} in \"events\" is no event type: 1 to {} characters of A-Z a-z 0-9 _ . : -",
                    quote(*type), kMaxTypeBytes));
  }
  command.event_types->push_back(*type);
  return {};
}

Result<void> CommandParser::State::read_publish() {
  if (fields.has(Field::kEvents)) return read_batch();
  return read_event(fields);
}

Result<void> CommandParser::State::read_batch() {
  command.batch = true;
  for (const Field field :
       {Field::kChannel, Field::kData, Field::kType, Field::kTimestamp, Field::kKey, Field::kDedup}) {
    if (fields.has(field)) {
      return bad_command(
          fmt::format("{} and \"events\" exclude each other; each event of a batch has its own",
                      quote(kFieldNames[field])));
    }
  }
  if (!fields[Field::kEvents].starts_with('['))
    return bad_command("\"events\" must be an array of events to publish");
  if (element_count == 0) return bad_command("\"events\" is empty; a batch has at least one event");
  if (too_many_elements) {
    return Error{ErrorCode::kTooLarge,
                 fmt::format("\"events\" holds more than {} events; send several batches", kMaxListElements),
                 ""};
  }
  for (std::size_t i = 0; i < element_count; ++i) {
    const Element& element = elements[i];
    if (!element.text.starts_with('{')) return at_index(bad_event("an event is a JSON object"), i);
    const std::optional<Field> repeated = element.fields.repeated();
    if (repeated) return at_index(repeated_field(*repeated), i);
    const Result<void> event = read_event(element.fields);
    if (!event) return at_index(event.error(), i);
  }
  return {};
}

Error unpublishable(std::string_view channel) {
  const std::string quoted = quote(channel);
  const std::string_view reason =
      is_server_channel(channel)
          ? "channels that begin with @ are the server's own; nobody else publishes there"
          : "patterns select channels for subscribing; publish to each channel by its name";
  return {ErrorCode::kBadChannel, fmt::format("channel {}: {}", quoted, reason),
          fmt::format(R"({{"channel":{}}})", quoted)};
}

Result<void> CommandParser::State::read_event(const Fields& event) {
  PublishEvent published;
  if (!event.has(Field::kChannel)) return bad_event("\"channel\" is missing: where to publish");
  const Result<std::string_view> channel =
      text(event[Field::kChannel], ErrorCode::kBadEvent, Field::kChannel);
  if (!channel) return channel.error();
  published.channel = *channel;
  if (is_server_channel(*channel) || looks_like_pattern(*channel)) return unpublishable(*channel);
  Result<void> checked = check_channel(*channel);
  if (!checked) return checked;

  published.type = kDefaultType;
  if (event.has(Field::kType)) {
    const Result<std::string_view> type = text(event[Field::kType], ErrorCode::kBadEvent, Field::kType);
    if (!type) return type.error();
    if (!is_valid_type(*type)) {
      return bad_event(fmt::format("the type {} is not valid: 1 to {} characters of A-Z a-z 0-9 _ . : -",
                                   quote(*type), kMaxTypeBytes));
    }
    published.type = *type;
  }
  if (event.has(Field::kTimestamp)) {
    const Result<std::string_view> timestamp =
        text(event[Field::kTimestamp], ErrorCode::kBadEvent, Field::kTimestamp);
    if (!timestamp) return timestamp.error();
    const Result<SystemMicros> time = parse_timestamp(*timestamp);
    if (!time) return time.error();
    published.timestamp = *timestamp;
  }
  const Result<std::string_view> key = name(event, Field::kKey);
  if (!key) return key.error();
  published.key = *key;
  const Result<std::string_view> dedup = name(event, Field::kDedup);
  if (!dedup) return dedup.error();
  published.dedup = *dedup;
  published.data = event[Field::kData];
  if (published.data.empty()) return bad_event("\"data\" is missing; null is a value, too");
  command.publish.push_back(published);
  return {};
}

// A key or dedup: a JSON string of bounded length, or nothing. Escapes are written
// anew, and only where there must be one, so that equal names are equal bytes.
Result<std::string_view> CommandParser::State::name(const Fields& event, Field field) {
  const std::string_view value = event[field];
  if (value.empty()) return value;
  const Result<std::string_view> content = text(value, ErrorCode::kBadEvent, field);
  if (!content) return content.error();
  if (content->empty() || content->size() > kMaxNameBytes) {
    return bad_event(fmt::format("{} must have 1 to {} bytes", quote(kFieldNames[field]), kMaxNameBytes));
  }
  if (content->size() == value.size() - 2) return value;
  rewritten.reserve(message.size());  // never longer than what the message says
  const std::size_t first = rewritten.size();
  append_json_string(rewritten, *content);
  return std::string_view(rewritten).substr(first);
}

CommandParser::CommandParser() : state_(std::make_unique<State>()) {}
CommandParser::~CommandParser() = default;

boost::system::result<const Command*, CommandError> CommandParser::parse(std::string_view text) {
  State& state = *state_;
  state.message = text;
  Result<void> done = state.slice();
  if (done) {
    done = state.read();
  } else {
    const Result<std::string_view> id = state.echoed(Field::kId);
    if (id) state.command.id = *id;
  }
  if (done) return &state.command;
  return CommandError{done.error(), std::string(state.command.id)};
}

}  // namespace wskit::protocol
