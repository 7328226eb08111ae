#include "wspub/reply.h"

#include <algorithm>
#include <charconv>

#include "common/protocol/fields.h"
#include "common/protocol/json_text.h"
#include "common/protocol/json_value.h"

namespace wskit::pub {
namespace {

using protocol::FieldNames;
using protocol::FieldSlices;
using protocol::JsonScanner;

enum class Top : std::uint8_t { kType, kId, kChannel, kData };
constexpr FieldNames<Top, 4> kTop{{"type", "id", "channel", "data"}};

enum class Place : std::uint8_t { kChannel, kOffset, kEpoch, kDuplicate };
constexpr FieldNames<Place, 4> kPlace{{"channel", "offset", "epoch", "duplicate"}};

enum class Fault : std::uint8_t { kCode, kMessage, kDetails };
constexpr FieldNames<Fault, 3> kFault{{"code", "message", "details"}};

enum class Detail : std::uint8_t { kIndex, kRetryAfter, kSequence, kOldest };
constexpr FieldNames<Detail, 4> kDetail{{"index", "retry_after", "sequence", "oldest"}};

// No server means to send a publisher away for longer.
constexpr double kLongestRetrySeconds = 3600;

enum class Greeting : std::uint8_t { kChannels, kFeatures };
constexpr FieldNames<Greeting, 2> kGreeting{{"channels", "features"}};

// The fields of an object; none of what is no object.
template <class Field, std::size_t kCount>
FieldSlices<Field, kCount> fields_of(std::string_view json, const FieldNames<Field, kCount>& names) {
  JsonScanner scanner(json);
  FieldSlices<Field, kCount> fields;
  slice_fields(scanner, names, fields);
  return fields;
}

template <class Number>
std::optional<Number> number(std::string_view json) {
  Number value{};
  const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), value);
  if (error != std::errc{} || end != json.data() + json.size()) return std::nullopt;
  return value;
}

std::string text_of(std::string_view json) {
  std::string storage;
  if (!protocol::is_json_string(json)) return storage;
  const auto text = protocol::json_string(json, storage);
  return text ? std::string(*text) : std::string(json);
}

// Whether that text is among the strings of an array; nothing is among what is none.
bool lists(std::string_view json, std::string_view wanted) {
  JsonScanner scanner(json);
  if (scanner.peek() != '[') return false;
  bool found = false;
  for (bool more = scanner.begin_array(); more; more = scanner.next_element()) {
    if (text_of(scanner.value()) == wanted) found = true;
  }
  return found;
}

}  // namespace

bool is_transient(std::string_view code) { return code == "UNAVAILABLE" || code == "RATE_LIMITED"; }

const Reply& ReplyParser::parse(std::string_view text) {
  reply_.kind = Reply::Kind::kOther;
  reply_.id.reset();
  reply_.index.reset();
  reply_.oldest.reset();
  reply_.retry_after.reset();
  reply_.published.clear();
  reply_.code.clear();
  reply_.message.clear();
  reply_.channels = {};
  reply_.knows_sequences = false;
  read(text);
  return reply_;
}

void ReplyParser::read(std::string_view text) {
  JsonScanner scanner(text);
  FieldSlices<Top, 4> top;
  slice_fields(scanner, kTop, top);
  if (!scanner.finish()) {
    reply_.kind = Reply::Kind::kMalformed;
    return;
  }
  if (top.has(Top::kChannel)) return;  // an event
  reply_.id = number<std::uint64_t>(top[Top::kId]);
  const std::string_view type = top[Top::kType];
  if (type == R"("published")") {
    read_published(top[Top::kData]);
  } else if (type == R"("error")") {
    read_error(top[Top::kData]);
  } else if (type == R"("connected")") {
    reply_.kind = Reply::Kind::kConnected;
    const auto greeting = fields_of(top[Top::kData], kGreeting);
    const std::string_view channels = greeting[Greeting::kChannels];
    if (channels.starts_with('[')) reply_.channels = channels;
    reply_.knows_sequences = lists(greeting[Greeting::kFeatures], "sequence");
  }
}

void ReplyParser::read_published(std::string_view json) {
  reply_.kind = Reply::Kind::kPublished;
  const auto read_one = [this](std::string_view object) {
    const auto place = fields_of(object, kPlace);
    reply_.published.push_back({place[Place::kChannel], place[Place::kOffset], place[Place::kEpoch],
                                place[Place::kDuplicate] == "true"});
  };
  JsonScanner scanner(json);
  if (scanner.peek() != '[') return read_one(json);
  for (bool more = scanner.begin_array(); more; more = scanner.next_element()) read_one(scanner.value());
}

void ReplyParser::read_error(std::string_view json) {
  reply_.kind = Reply::Kind::kError;
  const auto fault = fields_of(json, kFault);
  reply_.code = text_of(fault[Fault::kCode]);
  reply_.message = text_of(fault[Fault::kMessage]);
  const auto details = fields_of(fault[Fault::kDetails], kDetail);
  reply_.index = number<std::size_t>(details[Detail::kIndex]);
  if (details.has(Detail::kSequence)) reply_.oldest = number<std::int64_t>(details[Detail::kOldest]);
  if (const auto seconds = number<double>(details[Detail::kRetryAfter]); seconds && *seconds >= 0) {
    reply_.retry_after = std::chrono::round<std::chrono::nanoseconds>(
        std::chrono::duration<double>(std::min(*seconds, kLongestRetrySeconds)));
  }
}

}  // namespace wskit::pub
