#include "common/protocol/position.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "common/protocol/channel.h"
#include "common/protocol/event.h"
#include "common/protocol/fields.h"
#include "common/protocol/json_text.h"
#include "common/protocol/json_writer.h"
#include "common/protocol/positions_text.h"
#include "common/protocol/quote.h"

namespace wskit::protocol {
namespace {

using std::chrono::microseconds;

enum class PositionField : std::uint8_t { kOffset, kEpoch, kPositions, kLast, kTime };
constexpr FieldNames<PositionField, 5> kPositionFieldNames{{"offset", "epoch", "positions", "last", "time"}};
using PositionFields = FieldSlices<PositionField, 5>;

Error bad_since(std::string_view text, std::string_view reason) {
  return {ErrorCode::kBadCommand,
          fmt::format(
              "the position {} {}; write an offset (42), epoch:offset, a number of events (-100), a duration "
              "(-5m), an RFC 3339 time, @seconds, \"start\" or \"now\"",
              quote(text), reason),
          ""};
}

Error bad_object(std::string reason) {
  return {ErrorCode::kBadCommand, "the position " + std::move(reason), ""};
}

// The text has a digit for each 0 of `form` and otherwise begins as it does.
bool begins_like(std::string_view text, std::string_view form) {
  return text.size() >= form.size() &&
         std::ranges::equal(form, text.substr(0, form.size()),
                            [](char want, char c) { return want == '0' ? c >= '0' && c <= '9' : want == c; });
}

// Whether the text is meant as a date or a time of day. No server gives out such an epoch.
bool looks_like_time(std::string_view text) {
  return begins_like(text, "00:00") || begins_like(text, "0000-00-00");
}

// What is missing or wrong in a text that is meant as a date or a time of day.
std::string_view fault_of_time(std::string_view text) {
  constexpr std::size_t kDateBytes = 10;
  if (!begins_like(text, "0000-00-00")) return "is a time of day without its date and its zone";
  if (text.size() == kDateBytes) return "is a date without a time and a zone";
  std::string in_utc = std::string(text) + 'Z';
  in_utc[kDateBytes] = 'T';
  if (parse_timestamp(in_utc)) return "is a time without a zone";
  in_utc.insert(in_utc.size() - 1, ":00");
  return parse_timestamp(in_utc) ? "is a time without seconds and a zone" : "is no RFC 3339 time";
}

Error bad_time(std::string_view text) {
  return {ErrorCode::kBadCommand,
          fmt::format("the position {} {}; write date, time and zone, as in 2026-11-20T10:00:00Z or "
                      "2026-11-20T11:00:00+01:00, or a time back, as in -5m",
                      quote(text), fault_of_time(text)),
          ""};
}

// A whole number without sign, blanks or leading plus.
std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || last != end) return std::nullopt;
  return number;
}

struct Unit {
  std::string_view name;
  std::int64_t micros;
};
// "ms" before "m", which begins it.
constexpr std::array<Unit, 5> kUnits{
    {{"ms", 1'000}, {"s", 1'000'000}, {"m", 60'000'000}, {"h", 3'600'000'000}, {"d", 86'400'000'000}}};

// Longer than any history, and short enough to count back from any moment.
constexpr std::int64_t kLongestDurationMicros = std::int64_t{10'000} * 366 * 86'400'000'000;

// `5m`, `1h30m`, `250ms`.
std::optional<microseconds> duration(std::string_view text) {
  std::int64_t total = 0;
  do {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const std::optional<std::uint64_t> count = whole_number(text.substr(0, digits));
    if (!count) return std::nullopt;
    text.remove_prefix(digits);
    const auto* const unit = std::ranges::find_if(
        kUnits, [text](const Unit& candidate) { return text.starts_with(candidate.name); });
    if (unit == kUnits.end()) return std::nullopt;
    text.remove_prefix(unit->name.size());
    if (*count > static_cast<std::uint64_t>((kLongestDurationMicros - total) / unit->micros))
      return std::nullopt;
    total += static_cast<std::int64_t>(*count) * unit->micros;
  } while (!text.empty());
  return microseconds{total};
}

// Seconds since 1970 with an optional fraction, whose digits past the microsecond
// are cut.
std::optional<SystemMicros> unix_time(std::string_view text) {
  constexpr std::uint64_t kMostSeconds = 253'402'300'799;  // the end of the year 9999
  const std::size_t point = text.find('.');
  const std::optional<std::uint64_t> seconds = whole_number(text.substr(0, point));
  if (!seconds || *seconds > kMostSeconds) return std::nullopt;
  std::string fraction = "000000";
  if (point != std::string_view::npos) {
    const std::string_view digits = text.substr(point + 1);
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos)
      return std::nullopt;
    fraction.replace(0, std::min<std::size_t>(digits.size(), 6), digits.substr(0, 6));
  }
  return SystemMicros{std::chrono::seconds{*seconds} + microseconds{*whole_number(fraction)}};
}

Result<SystemMicros> read_time(std::string_view json, SystemMicros now) {
  std::string storage;
  const std::optional<std::string_view> text =
      is_json_string(json) ? string_text(json, json.size(), storage) : std::nullopt;
  const std::optional<SystemMicros> time = text ? parse_time_text(*text, now) : std::nullopt;
  if (time) return *time;
  if (text && looks_like_time(*text)) return bad_time(*text);
  return bad_object("has a \"time\" that is no RFC 3339 string, such as \"2026-11-20T10:00:00Z\"");
}

Result<std::uint64_t> read_number(std::string_view json, PositionField field) {
  const std::optional<std::uint64_t> number = whole_number(json);
  if (number) return *number;
  return bad_object(
      fmt::format("has a {} that is no whole number from 0", quote(kPositionFieldNames[field])));
}

Result<Position> read_position(const PositionFields& fields) {
  Position position;
  const Result<std::uint64_t> offset = read_number(fields[PositionField::kOffset], PositionField::kOffset);
  if (!offset) return offset.error();
  position.offset = *offset;
  if (!fields.has(PositionField::kEpoch)) return position;
  const std::string_view epoch = fields[PositionField::kEpoch];
  const std::optional<std::string_view> text =
      is_json_string(epoch) ? string_text(epoch, epoch.size(), position.epoch) : std::nullopt;
  if (!text || !is_valid_type(*text)) return bad_object("has an \"epoch\" that no server gave out");
  position.epoch = std::string(*text);
  return position;
}

Result<PositionFields> read_object(std::string_view json) {
  if (!json.starts_with('{')) return bad_object("must be an object, a string or a number");
  PositionFields fields;
  JsonScanner scanner(json);
  slice_fields(scanner, kPositionFieldNames, fields);
  if (fields.repeated()) {
    return bad_object(fmt::format("has {} twice", quote(kPositionFieldNames[*fields.repeated()])));
  }
  if (!fields.unknown()) return fields;
  return bad_object(fmt::format("has {}, which means nothing there; there are {}", quote(*fields.unknown()),
                                fmt::join(kPositionFieldNames.names, ", ")));
}

Result<FromPositions> read_positions(std::string_view json) {
  FromPositions from;
  if (!json.starts_with('{')) return bad_object("has \"positions\" that are no object of channels");
  JsonScanner scanner(json);
  std::string_view key;
  for (bool more = scanner.begin_object(key); more; more = scanner.next_member(key)) {
    std::string channel;
    if (!append_decoded(channel, key)) return bad_object("names a channel with half a surrogate pair");
    const Result<void> checked = check_channel(channel);
    if (!checked) return checked.error();
    const Result<PositionFields> fields = read_object(scanner.value());
    if (!fields) return fields.error();
    const Result<Position> position = read_position(*fields);
    if (!position) return position.error();
    if (!from.positions.emplace(channel, *position).second) {
      return bad_object(fmt::format("names the channel {} twice", quote(channel)));
    }
  }
  return from;
}

// One of the ways to say it; a time may stand beside positions.
Result<Since> read_since(const PositionFields& fields, SystemMicros now) {
  const bool has_time = fields.has(PositionField::kTime);
  const bool has_positions = fields.has(PositionField::kPositions);
  const int ways = (fields.has(PositionField::kOffset) ? 1 : 0) + (fields.has(PositionField::kLast) ? 1 : 0) +
                   (has_positions || has_time ? 1 : 0);
  if (ways != 1) {
    return bad_object(
        "must have one of \"offset\", \"last\", \"positions\" and \"time\"; only the last two may be "
        "together");
  }
  if (fields.has(PositionField::kOffset)) {
    const Result<Position> position = read_position(fields);
    if (!position) return position.error();
    return Since(*position);
  }
  if (fields.has(PositionField::kLast)) {
    const Result<std::uint64_t> events = read_number(fields[PositionField::kLast], PositionField::kLast);
    if (!events) return events.error();
    return Since(FromLast{*events});
  }
  std::optional<SystemMicros> time;
  if (has_time) {
    const Result<SystemMicros> read = read_time(fields[PositionField::kTime], now);
    if (!read) return read.error();
    time = *read;
  }
  if (!has_positions) return Since(*time);
  Result<FromPositions> from = read_positions(fields[PositionField::kPositions]);
  if (!from) return from.error();
  from->time = time;
  return Since(std::move(*from));
}

// Writes each alternative of a Since.
class SinceWriter {
 public:
  explicit SinceWriter(std::string& out) : json_(out) {}

  void operator()(const FromNow&) { json_.value("now"); }
  void operator()(const FromStart&) { json_.value("start"); }
  void operator()(const Position& position) {
    json_.begin_object();
    json_.member("offset", position.offset);
    if (!position.epoch.empty()) json_.member("epoch", position.epoch);
    json_.end_object();
  }
  void operator()(const FromLast& last) {
    json_.begin_object();
    json_.member("last", last.events);
    json_.end_object();
  }
  void operator()(SystemMicros time) {
    json_.begin_object();
    json_.member("time", Timestamp(time).text());
    json_.end_object();
  }
  void operator()(const FromPositions& from) {
    json_.begin_object();
    json_.name("positions");
    json_.begin_object();
    for (const auto& [channel, position] : from.positions) {
      json_.text_name(channel);
      (*this)(position);
    }
    json_.end_object();
    if (from.time) json_.member("time", Timestamp(*from.time).text());
    json_.end_object();
  }

 private:
  JsonWriter json_;
};

}  // namespace

Result<Since> parse_since(std::string_view json, SystemMicros now) {
  if (is_json_number(json)) return parse_since_text(json, now);
  if (is_json_string(json)) {
    std::string storage;
    const std::optional<std::string_view> text = string_text(json, json.size(), storage);
    if (!text) return bad_object("holds half a surrogate pair, which is no text");
    return parse_since_text(*text, now);
  }
  const Result<PositionFields> fields = read_object(json);
  if (!fields) return fields.error();
  return read_since(*fields, now);
}

Result<Since> parse_since_text(std::string_view text, SystemMicros now) {
  if (text == "start") return Since(FromStart{});
  if (text == "now") return Since(FromNow{});
  if (text.starts_with('*')) {
    Result<FromPositions> from = parse_positions_text(text);
    if (!from) return from.error();
    return Since(std::move(*from));
  }
  const std::optional<std::uint64_t> offset = whole_number(text);
  if (offset) return Since(Position{*offset, ""});
  if (text.starts_with('-')) {
    const std::optional<std::uint64_t> events = whole_number(text.substr(1));
    if (events) return Since(FromLast{*events});
  }
  const std::optional<SystemMicros> time = parse_time_text(text, now);
  if (time) return Since(*time);
  // Never an epoch and an offset behind it, which is what 09:30 would be.
  if (looks_like_time(text)) return bad_time(text);
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad_since(text, "cannot be read");
  const std::optional<std::uint64_t> behind = whole_number(text.substr(colon + 1));
  const std::string_view epoch = text.substr(0, colon);
  if (!behind || !is_valid_type(epoch)) return bad_since(text, "cannot be read");
  return Since(Position{*behind, std::string(epoch)});
}

std::optional<SystemMicros> parse_time_text(std::string_view text, SystemMicros now) {
  if (text == "now") return now;
  if (text.starts_with('@')) return unix_time(text.substr(1));
  if (text.starts_with('-')) {
    const std::optional<microseconds> ago = duration(text.substr(1));
    if (!ago) return std::nullopt;
    return now - *ago;
  }
  const Result<SystemMicros> time = parse_timestamp(text);
  if (!time) return std::nullopt;
  return *time;
}

std::string to_json(const Since& since) {
  std::string out;
  std::visit(SinceWriter(out), since);
  return out;
}

}  // namespace wskit::protocol
