#include "common/protocol/reply_decoder.h"

#include <array>
#include <charconv>
#include <concepts>
#include <system_error>

#include "common/protocol/json_text.h"

namespace wskit::protocol {
namespace {

enum class ReplyField : std::uint8_t { kType, kId, kTimestamp, kChannel, kData };
constexpr FieldNames<ReplyField, 5> kReplyFields{{"type", "id", "timestamp", "channel", "data"}};

enum class GreetingField : std::uint8_t {
  kConnection,
  kUser,
  kServer,
  kNode,
  kHeartbeat,
  kMaxMessageBytes,
  kChannels,
  kFeatures,
  kAuthWithin
};
constexpr FieldNames<GreetingField, 9> kGreetingFields{{"connection", "user", "server", "node", "heartbeat",
                                                        "max_message_bytes", "channels", "features",
                                                        "auth_within"}};

// The members of the data of all other replies.
enum class DataField : std::uint8_t {
  kChannel,
  kChannels,
  kCode,
  kComplete,
  kConnections,
  kCount,
  kDelivered,
  kDetails,
  kDropped,
  kDuplicate,
  kEpoch,
  kEvents,
  kExpires,
  kFiltered,
  kGaps,
  kMatched,
  kMerged,
  kMessage,
  kMoreGaps,
  kOffset,
  kOldest,
  kQueuedBytes,
  kReason,
  kRecovered,
  kReplayed,
  kTimestamp,
  kUser
};
constexpr FieldNames<DataField, 27> kDataFields{
    {"channel",      "channels", "code",      "complete", "connections", "count",   "delivered",
     "details",      "dropped",  "duplicate", "epoch",    "events",      "expires", "filtered",
     "gaps",         "matched",  "merged",    "message",  "more_gaps",   "offset",  "oldest",
     "queued_bytes", "reason",   "recovered", "replayed", "timestamp",   "user"}};
using DataFields = FieldSlices<DataField, 27>;

// None of what is no object.
template <class Field, std::size_t kCount>
FieldSlices<Field, kCount> fields_of(std::string_view json, const FieldNames<Field, kCount>& names) {
  FieldSlices<Field, kCount> fields;
  if (!json.starts_with('{')) return fields;
  JsonScanner scanner(json, kMaxReplyDepth);
  slice_fields(scanner, names, fields);
  return fields;
}
DataFields data_fields(std::string_view json) { return fields_of(json, kDataFields); }

template <class Number>
std::optional<Number> number_in(std::string_view json) {
  Number value{};
  if (!is_json_number(json)) return std::nullopt;
  const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), value);
  if (error != std::errc{} || end != json.data() + json.size()) return std::nullopt;
  return value;
}

std::uint64_t count_in(std::string_view json) { return number_in<std::uint64_t>(json).value_or(0); }

// Calls `each` with the elements of an array; never for what is none.
template <class Each>
void for_each_in(std::string_view json, const Each& each) {
  if (!json.starts_with('[')) return;
  JsonScanner scanner(json, kMaxReplyDepth);
  for (bool more = scanner.begin_array(); more; more = scanner.next_element()) each(scanner.value());
}

std::string_view object_in(std::string_view json) {
  return json.starts_with('{') ? json : std::string_view();
}

DeliveryCounters read_counters(const DataFields& data) {
  return {.delivered = count_in(data[DataField::kDelivered]),
          .merged = count_in(data[DataField::kMerged]),
          .filtered = count_in(data[DataField::kFiltered]),
          .dropped = count_in(data[DataField::kDropped]),
          .queued_bytes = count_in(data[DataField::kQueuedBytes])};
}

}  // namespace

const DecodedReply& ReplyDecoder::decode(std::string_view text_of_message) {
  message_bytes_ = text_of_message.size();
  decoded_.clear();
  message_ = {};
  JsonScanner scanner(text_of_message, kMaxReplyDepth);
  const bool is_object = scanner.peek() == '{';
  FieldSlices<ReplyField, 5> fields;
  if (is_object) slice_fields(scanner, kReplyFields, fields);
  if (!is_object || !scanner.finish()) return message_;
  message_.kind = DecodedReply::Kind::kEvent;
  if (fields.has(ReplyField::kChannel)) return message_;
  message_.kind = DecodedReply::Kind::kUnknown;
  message_.id = fields[ReplyField::kId];
  message_.timestamp = text(fields[ReplyField::kTimestamp]);
  message_.type = text(fields[ReplyField::kType]);
  for (std::size_t i = 0; i < kReplyTypes.size(); ++i) {
    if (message_.type != kReplyTypes[i]) continue;
    std::optional<Reply> reply = read(i, fields[ReplyField::kData]);
    if (!reply) break;
    message_.kind = DecodedReply::Kind::kReply;
    message_.reply = *std::move(reply);
  }
  return message_;
}

std::optional<Reply> ReplyDecoder::read(std::size_t type, std::string_view data) {
  const std::string_view name = kReplyTypes[type];
  if (name == "connected") return read_connected(data);
  if (name == "subscribed") return read_subscribed(data);
  if (name == "published") return read_published(data);
  if (name == "history") return read_history(data);
  if (name == "error") return read_refused(data);
  if (name == "stats") return Statistics{object_in(data)};
  const DataFields fields = data_fields(data);
  if (name == "unsubscribed") {
    return Unsubscribed{.channels = texts(fields[DataField::kChannels]),
                        .event_types = texts(fields[DataField::kEvents])};
  }
  if (name == "presence") {
    return Present{.channel = text(fields[DataField::kChannel]),
                   .connections = fields[DataField::kConnections],
                   .count = count_in(fields[DataField::kCount])};
  }
  if (name == "pong") return Pong{fields[DataField::kTimestamp]};
  if (name == "authenticated") {
    return Authenticated{.user = text(fields[DataField::kUser]),
                         .expires = text(fields[DataField::kExpires])};
  }
  if (name == "gap") {
    return Gap{.channel = text(fields[DataField::kChannel]),
               .offset = count_in(fields[DataField::kOffset]),
               .epoch = text(fields[DataField::kEpoch]),
               .oldest = count_in(fields[DataField::kOldest])};
  }
  if (name == "heartbeat") return read_counters(fields);
  return Closing{.code = number_in<std::uint16_t>(fields[DataField::kCode]).value_or(0),
                 .reason = text(fields[DataField::kReason])};
}

Connected ReplyDecoder::read_connected(std::string_view data) {
  const auto fields = fields_of(data, kGreetingFields);
  return {.connection = text(fields[GreetingField::kConnection]),
          .user = text(fields[GreetingField::kUser]),
          .server = text(fields[GreetingField::kServer]),
          .node = text(fields[GreetingField::kNode]),
          .heartbeat_seconds = number_in<double>(fields[GreetingField::kHeartbeat]).value_or(0),
          .max_message_bytes = count_in(fields[GreetingField::kMaxMessageBytes]),
          .channels = texts(fields[GreetingField::kChannels]),
          .features = texts(fields[GreetingField::kFeatures]),
          .auth_within_seconds = number_in<double>(fields[GreetingField::kAuthWithin])};
}

Subscribed ReplyDecoder::read_subscribed(std::string_view data) {
  const DataFields fields = data_fields(data);
  channels_.clear();
  for_each_in(fields[DataField::kChannels], [this](std::string_view entry) {
    if (entry.starts_with('{')) channels_.push_back(read_channel(entry));
  });
  return {.channels = channels_, .event_types = texts(fields[DataField::kEvents])};
}

SubscribedChannel ReplyDecoder::read_channel(std::string_view entry) {
  const DataFields fields = data_fields(entry);
  SubscribedChannel channel{.channel = text(fields[DataField::kChannel]),
                            .offset = number_in<std::uint64_t>(fields[DataField::kOffset]),
                            .epoch = text(fields[DataField::kEpoch]),
                            .recovered = fields[DataField::kRecovered] == "true",
                            .replayed = count_in(fields[DataField::kReplayed]),
                            .oldest = number_in<std::uint64_t>(fields[DataField::kOldest]),
                            .gaps = {},
                            .more_gaps = count_in(fields[DataField::kMoreGaps]),
                            .matched = {}};
  for_each_in(fields[DataField::kGaps], [&](std::string_view json) {
    if (!json.starts_with('{')) return;
    const DataFields gap = data_fields(json);
    channel.gaps.push_back({.channel = text(gap[DataField::kChannel]),
                            .offset = count_in(gap[DataField::kOffset]),
                            .epoch = text(gap[DataField::kEpoch]),
                            .oldest = count_in(gap[DataField::kOldest])});
  });
  if (!fields.has(DataField::kMatched)) return channel;
  channel.matched.emplace();
  for_each_in(fields[DataField::kMatched], [&](std::string_view json) {
    if (!json.starts_with('{')) return;
    const DataFields match = data_fields(json);
    channel.matched->push_back({.channel = text(match[DataField::kChannel]),
                                .offset = count_in(match[DataField::kOffset]),
                                .epoch = text(match[DataField::kEpoch]),
                                .recovered = match[DataField::kRecovered] == "true",
                                .replayed = count_in(match[DataField::kReplayed]),
                                .oldest = number_in<std::uint64_t>(match[DataField::kOldest])});
  });
  return channel;
}

PublishedAll ReplyDecoder::read_published(std::string_view data) {
  published_.clear();
  const auto read_one = [this](std::string_view json) {
    const DataFields fields = data_fields(json);
    published_.push_back({.channel = text(fields[DataField::kChannel]),
                          .offset = count_in(fields[DataField::kOffset]),
                          .epoch = text(fields[DataField::kEpoch]),
                          .duplicate = fields[DataField::kDuplicate] == "true"});
  };
  const bool batch = data.starts_with('[');
  if (batch) {
    for_each_in(data, read_one);
  } else {
    read_one(data);
  }
  return {.events = published_, .batch = batch};
}

std::optional<Reply> ReplyDecoder::read_history(std::string_view data) {
  const DataFields fields = data_fields(data);
  const auto offset = number_in<std::uint64_t>(fields[DataField::kOffset]);
  if (!offset || !fields[DataField::kEvents].starts_with('[')) return std::nullopt;
  HistoryEvents history{.events = {},
                        .offset = *offset,
                        .epoch = text(fields[DataField::kEpoch]),
                        .oldest = number_in<std::uint64_t>(fields[DataField::kOldest]).value_or(1),
                        .recovered = fields[DataField::kRecovered] == "true",
                        .complete = fields[DataField::kComplete] == "true"};
  for_each_in(fields[DataField::kEvents],
              [&history](std::string_view event) { history.events.push_back(event); });
  return history;
}

Refused ReplyDecoder::read_refused(std::string_view data) {
  const DataFields fields = data_fields(data);
  return {.code = text(fields[DataField::kCode]),
          .message = text(fields[DataField::kMessage]),
          .details = object_in(fields[DataField::kDetails])};
}

std::string_view ReplyDecoder::text(std::string_view json) {
  if (!is_json_string(json)) return {};
  return string_text(json, message_bytes_, decoded_).value_or(std::string_view());
}

std::vector<std::string_view> ReplyDecoder::texts(std::string_view json) {
  std::vector<std::string_view> all;
  for_each_in(json, [&](std::string_view element) {
    if (is_json_string(element)) all.push_back(text(element));
  });
  return all;
}

}  // namespace wskit::protocol
