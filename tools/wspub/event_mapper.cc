#include "wspub/event_mapper.h"

#include <fmt/format.h>

#include <tuple>
#include <utility>

#include "common/protocol/event.h"
#include "common/protocol/fields.h"
#include "common/protocol/json_text.h"
#include "common/protocol/json_value.h"
#include "common/protocol/json_writer.h"
#include "common/protocol/quote.h"
#include "common/protocol/timestamp.h"
#include "common/protocol/utf8.h"
#include "common/text.h"
#include "wspub/unix_time.h"

namespace wskit::pub {
namespace {

constexpr std::string_view kDefaultType = "message";

enum class Member : std::uint8_t { kType, kChannel, kTimestamp, kKey, kData };
constexpr protocol::FieldNames<Member, 5> kMemberNames{{"type", "channel", "timestamp", "key", "data"}};
using Members = protocol::FieldSlices<Member, 5>;

using namespace std::string_view_literals;

struct Format {
  std::string_view begin;
  std::string_view what;  // that it is, and the remedy
};
constexpr std::string_view kUtf16 =
    "this is UTF-16, and input must be UTF-8: iconv -f UTF-16 -t UTF-8 FILE | wspub …";
constexpr std::string_view kUtf32 =
    "this is UTF-32, and input must be UTF-8: iconv -f UTF-32 -t UTF-8 FILE | wspub …";
constexpr Format kFormats[] = {
    {"\x1f\x8b"sv, "this is gzip, not lines: zcat FILE | wspub …"},
    {"\x28\xb5\x2f\xfd"sv, "this is zstd, not lines: zstdcat FILE | wspub …"},
    {"\xfd"
     "7zXZ\0"sv,
     "this is xz, not lines: xzcat FILE | wspub …"},
    {"BZh"sv, "this is bzip2, not lines: bzcat FILE | wspub …"},
    {"PK\x03\x04"sv, "this is a zip archive, not lines: unzip -p FILE | wspub …"},
    {"\xff\xfe\0\0"sv, kUtf32},
    {"\0\0\xfe\xff"sv, kUtf32},
    {"\xff\xfe"sv, kUtf16},
    {"\xfe\xff"sv, kUtf16},
    {"{\0"sv, kUtf16},
    {"\0{"sv, kUtf16},
    {"[\0"sv, kUtf16},
    {"\0["sv, kUtf16},
};

// What a line is that is not in UTF-8; empty where that does not show.
std::string_view foreign_format(std::string_view line) {
  for (const Format& format : kFormats) {
    if (line.starts_with(format.begin)) return format.what;
  }
  return {};
}

// `is_whole`: the line is a document.
std::string not_json(std::string_view line, const protocol::JsonFault& fault, bool is_whole) {
  if (const std::string_view what = foreign_format(line); !what.empty()) return std::string(what);
  std::string_view remedy;
  const std::size_t first = line.find_first_not_of(kWhiteSpace);
  const bool is_container = first != std::string_view::npos && (line[first] == '{' || line[first] == '[');
  if (!is_container) {
    remedy = "; where lines are text, use --input text";
  } else if (!is_whole && fault.position > line.find_last_not_of(kWhiteSpace)) {
    remedy = "; each event is one line: use jq -c, or --whole where the input is one document";
  }
  return fmt::format("not JSON: {}{}", fault.reason, remedy);
}

// A moment as RFC 3339 writes it, but for what it leaves open; empty where it is none.
std::string_view what_is_missing(std::string_view text) {
  if (protocol::parse_timestamp(fmt::format("{}Z", text))) {
    return "no zone: add Z, or an offset such as +01:00";
  }
  if (protocol::parse_timestamp(fmt::format("{}T00:00:00Z", text))) return "no time of day and no zone";
  return {};
}

bool is_string(std::string_view value) { return protocol::is_json_string(value); }

LineResult<std::string_view> checked_type(const Fields& fields, std::string_view value,
                                          std::string_view type) {
  if (protocol::is_valid_type(type)) return type;
  return LineError{fields.column(value),
                   fmt::format("the type {} is not 1 to {} characters of A-Z a-z 0-9 _ . : -; give one with "
                               "--type, or --type-from none for {}",
                               protocol::quote(type), protocol::kMaxTypeBytes, kDefaultType)};
}

LineResult<std::string_view> checked_channel(const Fields& fields, std::string_view value,
                                             std::string_view channel) {
  const auto checked = check_publishable(channel);
  if (!checked) return LineError{fields.column(value), checked.error().message};
  return channel;
}

}  // namespace

// What the line says of itself: the members that mean something in an event, as
// JSON text; empty where absent, or, but for the data, null.
struct EventMapper::Envelope {
  std::string_view value;  // the whole line, without the white space around it
  std::string_view type;
  std::string_view channel;
  std::string_view timestamp;
  std::string_view key;
  std::string_view data;
  bool recognised = false;
};

LineResult<EventMapper::Envelope> EventMapper::read(std::string_view line) const {
  protocol::JsonScanner scanner(line);
  const bool is_object = scanner.peek() == '{';
  const char* const first = scanner.position();
  Members members;
  if (is_object) {
    protocol::slice_fields(scanner, kMemberNames, members);
  } else {
    std::ignore = scanner.value();
  }
  Envelope envelope;
  envelope.value = {first, static_cast<std::size_t>(scanner.position() - first)};
  if (!scanner.finish()) {
    const protocol::JsonFault fault = scanner.fault();
    return LineError{fault.position + 1, not_json(line, fault, options_.whole)};
  }
  const auto unless_null = [&members](Member member) {
    const std::string_view value = members[member];
    return value == "null" ? std::string_view() : value;
  };
  envelope.type = unless_null(Member::kType);
  envelope.channel = unless_null(Member::kChannel);
  envelope.timestamp = unless_null(Member::kTimestamp);
  envelope.key = unless_null(Member::kKey);
  envelope.data = members[Member::kData];
  const bool names_channel = !options_.channel && !options_.channel_from && is_string(envelope.channel);
  envelope.recognised = !envelope.data.empty() && (is_string(envelope.type) || names_channel);
  return envelope;
}

LineResult<std::string_view> EventMapper::data_of(std::string_view line, const Envelope& envelope) const {
  if (!options_.data_from) return envelope.recognised ? envelope.data : envelope.value;
  return Fields(line, envelope.value, envelope.value).find(*options_.data_from);
}

LineResult<std::string_view> EventMapper::channel_of(const Fields& fields, const Envelope& envelope) {
  if (options_.channel) {
    if (options_.channel->is_fixed()) return std::string_view(options_.channel->text());
    if (auto rendered = options_.channel->render(fields, channel_); !rendered) return rendered.error();
    return std::string_view(channel_);
  }
  if (options_.channel_from) {
    const auto text = fields.text(*options_.channel_from, channel_);
    if (!text) return text;
    return checked_channel(fields, *fields.find(*options_.channel_from), *text);
  }
  if (!envelope.recognised || !is_string(envelope.channel)) {
    return LineError{
        0, "the line names no channel in \"channel\" beside its \"data\"; give CHANNEL or --channel-from"};
  }
  const auto text = protocol::json_string(envelope.channel, channel_);
  if (!text) return LineError{fields.column(envelope.channel), "the channel holds half of a surrogate pair"};
  return checked_channel(fields, envelope.channel, *text);
}

LineResult<std::string_view> EventMapper::type_of(const Fields& fields, const Envelope& envelope) {
  if (!options_.type.empty()) return std::string_view(options_.type);
  if (options_.type_from) {
    const auto text = fields.text(*options_.type_from, type_);
    if (!text) return text;
    return checked_type(fields, *fields.find(*options_.type_from), *text);
  }
  const bool says_type = (envelope.recognised || envelope.data.empty()) && is_string(envelope.type);
  if (!says_type || !options_.own_type) return kDefaultType;
  const auto text = protocol::json_string(envelope.type, type_);
  return checked_type(fields, envelope.type, text ? *text : envelope.type);
}

LineResult<std::string_view> EventMapper::key_of(const Fields& fields, const Envelope& envelope) {
  std::string_view value = envelope.recognised ? envelope.key : std::string_view();
  if (options_.key_from) {
    const auto text = fields.text(*options_.key_from, key_);
    if (!text) return text;
    value = *fields.find(*options_.key_from);
  }
  if (value.empty() || is_string(value)) return value;
  const protocol::JsonKind kind = protocol::json_kind(value);
  if (kind != protocol::JsonKind::kNumber && kind != protocol::JsonKind::kBoolean) {
    return LineError{fields.column(value),
                     fmt::format("the key is {}, where a string is needed", protocol::describe(kind))};
  }
  key_ = fmt::format("\"{}\"", value);
  return std::string_view(key_);
}

LineResult<std::string_view> EventMapper::timestamp_of(const Fields& fields, const Envelope& envelope) {
  if (options_.time_from) {
    const auto found = fields.find(*options_.time_from);
    if (!found) return found;
    return timestamp(fields, *found);
  }
  if (!envelope.recognised || envelope.timestamp.empty()) return std::string_view();
  return timestamp(fields, envelope.timestamp);
}

// A feed may write its numbers as strings, so that no reader rounds them.
LineResult<protocol::SystemMicros> EventMapper::moment(const Fields& fields, std::string_view value) {
  if (is_string(value)) {
    const std::string_view digits = protocol::json_string(value, timestamp_).value_or("");
    if (digits.find_first_not_of("0123456789.") == std::string_view::npos) {
      if (const auto time = parse_unix_time(digits)) return *time;
    }
  }
  if (protocol::is_json_number(value)) {
    const auto time = parse_unix_time(value);
    if (!time) return LineError{fields.column(value), fmt::format("{} is no Unix time", value)};
    return *time;
  }
  if (!is_string(value)) {
    return LineError{fields.column(value),
                     fmt::format("the time is {}, where an RFC 3339 string or a Unix time is needed",
                                 protocol::describe(protocol::json_kind(value)))};
  }
  const auto text = protocol::json_string(value, timestamp_);
  const auto time = protocol::parse_timestamp(text.value_or(""));
  if (!time) {
    if (const std::string_view missing = what_is_missing(text.value_or("")); !missing.empty()) {
      return LineError{fields.column(value),
                       fmt::format("the time {} has {}", protocol::quote(text.value_or(value)), missing)};
    }
    return LineError{fields.column(value),
                     fmt::format("the time {} is not RFC 3339, such as 2026-11-20T10:00:00.123Z",
                                 protocol::quote(text.value_or(value)))};
  }
  return *time;
}

LineResult<protocol::SystemMicros> EventMapper::replay_time_of(const Fields& fields) {
  constexpr std::string_view kRemedy =
      "--replay PATH is to name the field that has each line's time; --on-invalid skip leaves such lines out";
  const auto found = fields.find(*options_.replay_by);
  if (!found) return LineError{0, fmt::format("{}; {}", found.error().reason, kRemedy)};
  const auto time = moment(fields, *found);
  if (!time) return LineError{time.error().column, fmt::format("{}; {}", time.error().reason, kRemedy)};
  return time;
}

LineResult<std::string_view> EventMapper::timestamp(const Fields& fields, std::string_view value) {
  const auto time = moment(fields, value);
  if (!time) return time.error();
  if (is_string(value)) {
    const std::string_view text = *protocol::json_string(value, timestamp_);
    if (protocol::parse_timestamp(text)) return text;
  }
  timestamp_ = protocol::Timestamp(*time).text();
  return std::string_view(timestamp_);
}

LineResult<std::optional<protocol::PublishEvent>> EventMapper::map(std::string_view line) {
  if (options_.input == InputKind::kText) return map_text(line);
  if (line.find_first_not_of(kWhiteSpace) == std::string_view::npos)
    return std::optional<protocol::PublishEvent>();
  const auto envelope = read(line);
  if (!envelope) return envelope.error();
  const auto published = data_of(line, *envelope);
  if (!published) return published.error();
  const Fields fields(line, envelope->value, *published);

  const auto channel = channel_of(fields, *envelope);
  if (!channel) return channel.error();
  const auto type = type_of(fields, *envelope);
  if (!type) return type.error();
  const auto key = key_of(fields, *envelope);
  if (!key) return key.error();
  if (options_.replay_by) {
    const auto turn = replay_time_of(fields);
    if (!turn) return turn.error();
    replay_time_ = *turn;
  }
  const auto time = timestamp_of(fields, *envelope);
  if (!time) return time.error();

  protocol::PublishEvent event;
  event.channel = *channel;
  event.type = *type;
  event.timestamp = *time;
  event.key = *key;
  event.data = *published;
  return std::optional(event);
}

LineResult<std::optional<protocol::PublishEvent>> EventMapper::map_text(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  for (std::size_t at = 0; at < line.size();) {
    const protocol::CodePoint point = protocol::decode_code_point(line.substr(at));
    if (point.bytes == 0) {
      const std::string_view what = foreign_format(line);
      return LineError{at + 1, std::string(what.empty() ? "not valid UTF-8" : what)};
    }
    at += point.bytes;
  }
  data_.clear();
  protocol::append_json_string(data_, line);
  protocol::PublishEvent event;
  event.channel = options_.channel->text();
  event.type = options_.type.empty() ? kDefaultType : std::string_view(options_.type);
  event.data = data_;
  return std::optional(event);
}

}  // namespace wskit::pub
