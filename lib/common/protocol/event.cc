#include "common/protocol/event.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "common/protocol/channel.h"
#include "common/protocol/fields.h"
#include "common/protocol/json_text.h"
#include "common/protocol/quote.h"
#include "common/protocol/timestamp.h"

namespace wskit::protocol {
namespace {

// The names of an event's fields in the order in which they are written, each
// with the punctuation around it.
constexpr std::string_view kTypeName = R"({"type":")";
constexpr std::string_view kChannelName = R"(","channel":")";
constexpr std::string_view kOffsetName = R"(","offset":)";
constexpr std::string_view kTimestampName = R"(,"timestamp":")";
constexpr std::string_view kIdName = R"(,"id":)";
constexpr std::string_view kKeyName = R"(,"key":)";
constexpr std::string_view kReceivedName = R"(,"received":")";
constexpr std::string_view kFromName = R"(,"from":)";
constexpr std::string_view kMergedName = R"(,"merged":)";
constexpr std::string_view kDataName = R"(,"data":)";

// Both sinks take the parts of an event in turn: one counts, the other writes.
class Counter {
 public:
  void text(std::string_view text) { bytes_ += text.size(); }
  void number(std::uint64_t number) {
    ++bytes_;
    while (number >= 10) {
      number /= 10;
      ++bytes_;
    }
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_ = 0;
};

class Writer {
 public:
  explicit Writer(char* out) : out_(out) {}
  void text(std::string_view text) { out_ = std::copy(text.begin(), text.end(), out_); }
  void number(std::uint64_t number) { out_ = std::to_chars(out_, out_ + 20, number).ptr; }
  [[nodiscard]] char* end() const { return out_; }

 private:
  char* out_;
};

template <class Sink>
void put_event(const EventView& event, Sink& sink) {
  sink.text(kTypeName);
  sink.text(event.type);
  sink.text(kChannelName);
  sink.text(event.channel);
  sink.text(kOffsetName);
  sink.number(event.offset);
  sink.text(kTimestampName);
  sink.text(event.timestamp);
  sink.text("\"");
  if (!event.id.empty()) {
    sink.text(kIdName);
    sink.text(event.id);
  }
  if (!event.key.empty()) {
    sink.text(kKeyName);
    sink.text(event.key);
  }
  if (!event.received.empty()) {
    sink.text(kReceivedName);
    sink.text(event.received);
    sink.text("\"");
  }
  if (event.from != 0) {
    sink.text(kFromName);
    sink.number(event.from);
  }
  if (event.merged != 0) {
    sink.text(kMergedName);
    sink.number(event.merged);
  }
  sink.text(kDataName);
  sink.text(event.data);
  sink.text("}");
}

constexpr std::array<bool, 256> make_type_bytes() {
  std::array<bool, 256> allowed{};
  for (const char c :
       std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-")) {
    allowed[static_cast<unsigned char>(c)] = true;
  }
  return allowed;
}
constexpr std::array<bool, 256> kTypeBytes = make_type_bytes();

enum class EventField : std::uint8_t {
  kType,
  kChannel,
  kOffset,
  kTimestamp,
  kId,
  kKey,
  kReceived,
  kFrom,
  kMerged,
  kData
};
constexpr FieldNames<EventField, 10> kEventFieldNames{
    {"type", "channel", "offset", "timestamp", "id", "key", "received", "from", "merged", "data"}};
using EventFields = FieldSlices<EventField, 10>;

Error no_event(std::string_view reason) {
  return {ErrorCode::kBadEvent, "the message is no event: " + std::string(reason), ""};
}

Error no_event(EventField field, std::string_view reason) {
  return no_event(quote(kEventFieldNames[field]) + std::string(reason));
}

// Turns the fields of one message into the parts of an event.
class EventReader {
 public:
  EventReader(const EventFields& fields, std::string_view message, std::string& storage)
      : fields_(fields), message_(message), storage_(storage) {}

  Result<EventView> read() {
    require(EventField::kChannel);
    require(EventField::kOffset);
    require(EventField::kType);
    require(EventField::kTimestamp);
    require(EventField::kData);
    if (fields_.repeated()) fail(*fields_.repeated(), " stands there twice");
    read_names();
    read_times();
    read_numbers();
    event_.id = fields_[EventField::kId];
    if (!event_.id.empty() && !is_json_string(event_.id) && !is_json_number(event_.id)) {
      fail(EventField::kId, " is neither a string nor a number");
    }
    event_.key = fields_[EventField::kKey];
    if (!event_.key.empty() && !is_json_string(event_.key)) fail(EventField::kKey, " is no string");
    event_.data = fields_[EventField::kData];
    if (error_) return *error_;
    return event_;
  }

 private:
  void fail(EventField field, std::string_view reason) {
    if (!error_) error_ = no_event(field, reason);
  }

  void require(EventField field) {
    if (!fields_.has(field)) fail(field, " is missing");
  }

  void read_names() {
    event_.type = text(EventField::kType);
    if (!error_ && !is_valid_type(event_.type)) fail(EventField::kType, " is no valid event type");
    event_.channel = text(EventField::kChannel);
    if (error_) return;
    const Result<void> checked = check_channel(event_.channel);
    if (!checked) fail(EventField::kChannel, " is not valid: " + checked.error().message);
  }

  void read_times() {
    event_.timestamp = time(EventField::kTimestamp);
    if (fields_.has(EventField::kReceived)) event_.received = time(EventField::kReceived);
  }

  void read_numbers() {
    event_.offset = number(EventField::kOffset);
    if (fields_.has(EventField::kFrom)) event_.from = number(EventField::kFrom);
    if (fields_.has(EventField::kMerged)) event_.merged = number(EventField::kMerged);
  }

  std::string_view text(EventField field) {
    if (error_) return {};
    const std::string_view value = fields_[field];
    if (!is_json_string(value)) {
      fail(field, " is no string");
      return {};
    }
    const std::optional<std::string_view> text = string_text(value, message_.size(), storage_);
    if (!text) fail(field, " holds half a surrogate pair");
    return text.value_or("");
  }

  std::string_view time(EventField field) {
    const std::string_view written = text(field);
    if (error_) return {};
    const Result<SystemMicros> parsed = parse_timestamp(written);
    if (!parsed) fail(field, " is not valid: " + parsed.error().message);
    return written;
  }

  std::uint64_t number(EventField field) {
    if (error_) return 0;
    const std::string_view value = fields_[field];
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number == 0) {
      fail(field, " is no whole number from 1");
    }
    return number;
  }

  const EventFields& fields_;
  std::string_view message_;
  std::string& storage_;
  EventView event_;
  std::optional<Error> error_;  // the first one
};

}  // namespace

bool is_valid_type(std::string_view type) {
  return !type.empty() && type.size() <= kMaxTypeBytes &&
         std::ranges::all_of(type, [](char c) { return kTypeBytes[static_cast<unsigned char>(c)]; });
}

std::size_t encoded_size(const EventView& event) {
  Counter counter;
  put_event(event, counter);
  return counter.bytes();
}

char* write_event(const EventView& event, char* out) {
  Writer writer(out);
  put_event(event, writer);
  return writer.end();
}

Result<EventView> decode_event(std::string_view text, std::string& storage) {
  storage.clear();
  JsonScanner scanner(text);
  if (scanner.peek() != '{') return no_event("it is no JSON object");
  EventFields fields;
  slice_fields(scanner, kEventFieldNames, fields);
  if (!scanner.finish()) {
    const JsonFault fault = scanner.fault();
    return no_event("it is not valid JSON at byte " + std::to_string(fault.position) + ": " +
                    std::string(fault.reason));
  }
  return EventReader(fields, text, storage).read();
}

}  // namespace wskit::protocol
