#include "common/protocol/command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "common/protocol/channel.h"
#include "common/protocol/command_state.h"
#include "common/protocol/event.h"
#include "common/protocol/fields.h"
#include "common/protocol/json_text.h"
#include "common/protocol/json_writer.h"
#include "common/protocol/quote.h"
#include "common/protocol/timestamp.h"

namespace wskit::protocol {
namespace {

using Field = CommandField;

// Bounds on what the server keeps or sends back, so that a command cannot make it
// hold many times the command's own size.
constexpr std::size_t kMaxEchoedBytes = 256;

// The members that each action has besides `action` and `id`, in the order of enum
// Action; of publish those of an event. A member that is none of them is refused, for
// whoever sends it means something by it.
constexpr std::array<std::uint32_t, kActionNames.size()> kMembers{
    CommandFields::set_of({Field::kToken}),
    CommandFields::set_of({Field::kChannels, Field::kChannel, Field::kEvents, Field::kSince, Field::kMaxRate,
                           Field::kConflate, Field::kMatched, Field::kFilter}),
    CommandFields::set_of({Field::kChannels, Field::kChannel, Field::kEvents}),
    kEventMembers,
    CommandFields::set_of({Field::kChannel, Field::kSince, Field::kLimit}),
    CommandFields::set_of({Field::kChannel}),
    CommandFields::set_of({Field::kTimestamp, Field::kType}),
    0,
};
constexpr std::uint32_t kOfEveryCommand = CommandFields::set_of({Field::kAction, Field::kId});

// `whose`: "subscribe"; `set`: the members that it has.
Error unknown_member(std::string_view name, std::string_view whose, std::uint32_t set) {
  std::vector<std::string_view> known;
  for (std::size_t i = 0; i < kCommandFieldNames.names.size(); ++i) {
    if ((set & (std::uint32_t{1} << i)) != 0) known.push_back(kCommandFieldNames.names[i]);
  }
  const std::string_view nearest = nearest_name(name, known);
  return bad_command(fmt::format("{} has no member {}{}; there are {}", whose, quote(name),
                                 nearest.empty() ? "" : fmt::format(" (did you mean {}?)", quote(nearest)),
                                 fmt::join(known, ", ")));
}

Result<Action> action_named(std::string_view name) {
  const auto* const found = std::ranges::find(kActionNames, name);
  if (found != kActionNames.end()) return static_cast<Action>(found - kActionNames.begin());
  const std::string_view nearest = nearest_name(name, kActionNames);
  return bad_command(fmt::format("unknown action {}{}; the actions are {}", quote(name),
                                 nearest.empty() ? "" : fmt::format(" (did you mean {}?)", quote(nearest)),
                                 fmt::join(kActionNames, ", ")));
}

}  // namespace

Error bad_command(std::string message) { return {ErrorCode::kBadCommand, std::move(message), ""}; }

Error repeated_field(CommandField field) {
  return bad_command(fmt::format("the field {} stands there twice; leave one of them out",
                                 quote(kCommandFieldNames[field])));
}

// What stands in the object and has no meaning there.
std::optional<Error> check_members(const CommandFields& fields, std::string_view whose, std::uint32_t set) {
  if (const auto other = fields.outside(set)) {
    return unknown_member(kCommandFieldNames[*other], whose, set);
  }
  if (fields.unknown()) return unknown_member(*fields.unknown(), whose, set);
  return std::nullopt;
}

Result<std::size_t> parse_history_limit(std::string_view text) {
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error == std::errc() && end == text.data() + text.size() && limit >= 1 && limit <= kMaxHistoryLimit)
    return limit;
  return bad_command(fmt::format("limit is not a whole number from 1 to {}", kMaxHistoryLimit));
}

void Command::clear() {
  std::vector<PublishEvent> kept = std::move(publish);
  kept.clear();
  *this = Command();
  publish = std::move(kept);
}

void throw_exception_from_error(const CommandError& error, const boost::source_location&) {
  throw std::logic_error(error.error.message);
}

Result<std::string_view> CommandParser::State::text(std::string_view value, ErrorCode code, Field field) {
  if (!is_json_string(value)) {
    return Error{code, fmt::format("{} must be a string", quote(kCommandFieldNames[field])), ""};
  }
  const std::optional<std::string_view> text = string_text(value, message_bytes, decoded);
  if (text) return *text;
  return Error{
      code, fmt::format("{} holds half a surrogate pair, which is no text", quote(kCommandFieldNames[field])),
      ""};
}

// REQUIRES: the field is there.
Result<bool> CommandParser::State::boolean(Field field) {
  const std::string_view value = fields[field];
  if (value == "true" || value == "false") return value == "true";
  return bad_command(fmt::format("{} is true or false, not {}", kCommandFieldNames[field], quote(value)));
}

// The value of a field that is sent back as it came.
Result<std::string_view> CommandParser::State::echoed(Field field) {
  const std::string_view value = fields[field];
  if (value.empty()) return value;
  if (!is_json_string(value) && !is_json_number(value)) {
    return bad_command(fmt::format("{} must be a string or a number", quote(kCommandFieldNames[field])));
  }
  if (value.size() > kMaxEchoedBytes) {
    return bad_command(fmt::format("{} has {} bytes; at most {} are allowed",
                                   quote(kCommandFieldNames[field]), value.size(), kMaxEchoedBytes));
  }
  return value;
}

void CommandParser::State::begin(std::size_t bytes) {
  message_bytes = bytes;
  decoded.clear();
  rewritten.clear();
  command.clear();
}

Result<void> CommandParser::State::read_id() {
  const Result<std::string_view> id = echoed(Field::kId);
  if (!id) return id.error();
  command.id = *id;
  return {};
}

Result<void> CommandParser::State::read() {
  if (fields.repeated()) return repeated_field(*fields.repeated());
  Result<void> action = read_action();
  if (!action) return action;
  const auto number = static_cast<std::size_t>(command.action);
  std::uint32_t members = kOfEveryCommand | kMembers[number];
  if (command.action == Action::kPublish) members |= CommandFields::set_of({Field::kEvents});
  if (const auto error = check_members(fields, kActionNames[number], members)) return *error;
  return read_fields();
}

Result<void> CommandParser::State::read_action() {
  if (!fields.has(Field::kAction)) {
    const Result<std::string_view> type = text(fields[Field::kType], ErrorCode::kBadCommand, Field::kType);
    if (type && *type == "ping") {
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
      return read_history();
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

Result<void> CommandParser::State::read_history() {
  Result<void> channel = read_one_channel();
  if (!channel) return channel;
  if (fields.has(Field::kLimit)) {
    const Result<std::size_t> limit = parse_history_limit(fields[Field::kLimit]);
    if (!limit) return limit.error();
    command.limit = *limit;
  }
  return read_since();
}

Result<void> CommandParser::State::read_since() {
  if (!fields.has(Field::kSince)) return {};
  Result<Since> since = parse_since(fields[Field::kSince], system_now());
  if (!since) return since.error();
  command.since = *std::move(since);
  return {};
}

Result<void> CommandParser::State::read_subscribe() {
  command.filter = fields[Field::kFilter];
  Result<void> channels = read_channels();
  if (!channels) return channels;
  Result<void> event_types = read_event_types();
  if (!event_types) return event_types;
  if (fields.has(Field::kMatched)) {
    const Result<bool> matched = boolean(Field::kMatched);
    if (!matched) return matched.error();
    command.matched = *matched;
  }
  Result<void> pace = read_pace();
  if (!pace) return pace;
  return read_since();
}

// What a server allows of them is another question.
Result<void> CommandParser::State::read_pace() {
  if (fields.has(Field::kConflate)) {
    const Result<bool> conflate = boolean(Field::kConflate);
    if (!conflate) return conflate.error();
    command.conflate = *conflate;
  }
  if (!fields.has(Field::kMaxRate)) return {};
  const std::string_view value = fields[Field::kMaxRate];
  double rate = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), rate);
  if (error != std::errc{} || end != value.data() + value.size() || !std::isfinite(rate)) {
    return bad_command(fmt::format("max_rate is a number of events a second, not {}", quote(value)));
  }
  command.max_rate = rate;
  return {};
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
          fmt::format("\"channels\" holds more than {} names; send several commands", kMaxListElements),
          fmt::format(R"({{"limit":{}}})", kMaxListElements)};
    }
    Result<void> added = add_channel(scanner.value());
    if (!added) return added;
  }
  if (command.channels->empty())
    return bad_command("\"channels\" is empty; name at least one, or leave it out");
  return {};
}

Result<void> CommandParser::State::add_channel(std::string_view value) {
  if (!is_json_string(value)) {
    const std::string quoted = quote(value);
    return Error{
        ErrorCode::kBadChannel,
        fmt::format("each of \"channels\" must be a string, a name or a pattern; {} is none", quoted),
        fmt::format(R"({{"channel":{}}})", quoted)};
  }
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
  if (slices.elements().empty())
    return bad_command("\"events\" is empty; name at least one type, or leave it out");
  if (slices.has_more_elements())
    return bad_command(fmt::format("\"events\" holds more than {} types", kMaxListElements));
  for (const CommandSlices::Element& element : slices.elements()) {
    Result<void> added = add_event_type(element.text);
    if (!added) return added;
  }
  return {};
}

Result<void> CommandParser::State::add_event_type(std::string_view value) {
  if (!is_json_string(value)) {
    return bad_command(
        fmt::format("each of \"events\" must be a string, an event type; {} is none", quote(value)));
  }
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

CommandParser::CommandParser() : state_(std::make_unique<State>()) {}
CommandParser::~CommandParser() = default;

boost::system::result<const Command*, CommandError> CommandParser::parse(std::string_view text,
                                                                         ServerSpace server_space) {
  State& state = *state_;
  state.begin(text.size());
  state.server_space = server_space;
  Result<void> done = state.slices.cut(text);
  // Also where the text is no command, so that the refusal can name it.
  const Result<void> id = state.read_id();
  if (done && !id) done = id;
  if (done) done = state.read();
  if (done) return &state.command;
  return CommandError{done.error(), std::string(state.command.id)};
}

boost::system::result<const Command*, CommandError> CommandParser::publish(
    std::span<const CommandFields> events, std::string_view producer, bool batch, ServerSpace server_space) {
  State& state = *state_;
  std::size_t bytes = producer.size();
  for (const CommandFields& event : events) bytes += event.bytes();
  state.begin(bytes);
  state.server_space = server_space;
  state.command.action = Action::kPublish;
  state.command.batch = batch;
  const Result<void> done = state.read_events(events, producer);
  if (done) return &state.command;
  return CommandError{done.error(), {}};
}

}  // namespace wskit::protocol
