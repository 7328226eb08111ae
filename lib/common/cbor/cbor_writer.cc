#include "common/cbor/cbor_writer.h"

#include <cbor/encoding.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>

#include "common/protocol/json_text.h"
#include "common/protocol/json_value.h"

namespace wskit::cbor {
namespace {

using protocol::JsonScanner;

// The longest head of an item: one byte and an argument of eight.
constexpr std::size_t kMaxHead = 9;

// Appends what one of the library's encoders writes.
template <class Encode, class... Arguments>
void append_head(std::string& out, const Encode& encode, Arguments... arguments) {
  std::array<unsigned char, kMaxHead> head;
  const std::size_t bytes = encode(arguments..., head.data(), head.size());
  out.append(reinterpret_cast<const char*>(head.data()), bytes);
}

void append_text(std::string& out, std::string_view text) {
  append_head(out, cbor_encode_string_start, text.size());
  out.append(text);
}

void append_embedded(std::string& out, std::string_view json) {
  append_head(out, cbor_encode_tag, std::uint64_t{kEmbeddedJson});
  append_head(out, cbor_encode_bytestring_start, json.size());
  out.append(json);
}

// Whole numbers of up to 64 bits are integers, fractions doubles; what is larger stays as it
// is.
void append_number(std::string& out, std::string_view json) {
  const bool negative = json.starts_with('-');
  const std::string_view digits = json.substr(negative ? 1 : 0);
  const char* end = json.data() + json.size();
  std::uint64_t whole = 0;
  const auto [last, error] = std::from_chars(digits.data(), end, whole);
  if (last == end && error == std::errc{} && !negative) return append_head(out, cbor_encode_uint, whole);
  if (last == end && error == std::errc{} && whole > 0)
    return append_head(out, cbor_encode_negint, whole - 1);
  if (json == "-18446744073709551616") return append_head(out, cbor_encode_negint, UINT64_MAX);
  const bool is_whole = digits.find_first_not_of("0123456789") == std::string_view::npos;
  double number = 0;
  const auto [rest, out_of_range] = std::from_chars(json.data(), end, number);
  if (is_whole || rest != end || out_of_range != std::errc{}) return append_embedded(out, json);
  append_head(out, cbor_encode_double, number);
}

// The text of a JSON string. One that is no text, for it has half a surrogate pair, stays as
// it is.
void append_string(std::string& out, std::string_view json) {
  std::string decoded;
  const auto text = protocol::json_string(json, decoded);
  text ? append_text(out, *text) : append_embedded(out, json);
}

// Replies are deeper than the deepest event in them.
JsonScanner scanner_of(std::string_view json) { return JsonScanner(json, protocol::kMaxReplyDepth); }

std::size_t count_members(std::string_view object) {
  JsonScanner scanner = scanner_of(object);
  std::string_view name;
  std::size_t count = 0;
  for (bool more = scanner.begin_object(name); more; more = scanner.next_member(name)) {
    (void)scanner.value();
    ++count;
  }
  return count;
}

std::size_t count_elements(std::string_view array) {
  JsonScanner scanner = scanner_of(array);
  std::size_t count = 0;
  for (bool more = scanner.begin_array(); more; more = scanner.next_element()) {
    (void)scanner.value();
    ++count;
  }
  return count;
}

void append_name(std::string& out, std::string_view name) {
  std::string decoded;
  const bool escaped = name.find('\\') != std::string_view::npos && protocol::append_decoded(decoded, name);
  append_text(out, escaped ? std::string_view(decoded) : name);
}

// `write(name, value)` appends the value of a member, or says that it did not.
template <class Write>
void append_object_with(std::string& out, std::string_view object, const Write& write) {
  append_head(out, cbor_encode_map_start, count_members(object));
  JsonScanner scanner = scanner_of(object);
  std::string_view name;
  for (bool more = scanner.begin_object(name); more; more = scanner.next_member(name)) {
    const std::string_view value = scanner.value();
    append_name(out, name);
    if (!write(name, value)) append_json(out, value);
  }
}

// `write(value)` appends an element.
template <class Write>
void append_array_with(std::string& out, std::string_view array, const Write& write) {
  append_head(out, cbor_encode_array_start, count_elements(array));
  JsonScanner scanner = scanner_of(array);
  for (bool more = scanner.begin_array(); more; more = scanner.next_element()) write(scanner.value());
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  append_text(out, name);
  append_text(out, text);
}

void append_member(std::string& out, std::string_view name, std::uint64_t number) {
  append_text(out, name);
  append_head(out, cbor_encode_uint, number);
}

void append_events(std::string& out, std::string_view array) {
  std::string storage;
  append_array_with(out, array, [&](std::string_view text) {
    const auto event = protocol::decode_event(text, storage);
    event ? append_event(out, *event) : append_json(out, text);
  });
}

}  // namespace

void append_json(std::string& out, std::string_view json) {
  switch (json.front()) {
    case '{':
      return append_object_with(out, json, [](std::string_view, std::string_view) { return false; });
    case '[':
      return append_array_with(out, json, [&out](std::string_view value) { append_json(out, value); });
    case '"':
      return append_string(out, json);
    case 't':
      return append_head(out, cbor_encode_bool, true);
    case 'f':
      return append_head(out, cbor_encode_bool, false);
    case 'n':
      return append_head(out, cbor_encode_null);
    default:
      return append_number(out, json);
  }
}

void append_event(std::string& out, const protocol::EventView& event) {
  const std::size_t members =
      5 + static_cast<std::size_t>(!event.id.empty()) + static_cast<std::size_t>(!event.key.empty()) +
      static_cast<std::size_t>(!event.received.empty()) + static_cast<std::size_t>(event.from != 0) +
      static_cast<std::size_t>(event.merged != 0);
  append_head(out, cbor_encode_map_start, members);
  append_member(out, "type", event.type);
  append_member(out, "channel", event.channel);
  append_member(out, "offset", event.offset);
  append_member(out, "timestamp", event.timestamp);
  if (!event.id.empty()) {
    append_text(out, "id");
    append_json(out, event.id);
  }
  if (!event.key.empty()) {
    append_text(out, "key");
    append_string(out, event.key);
  }
  if (!event.received.empty()) append_member(out, "received", event.received);
  if (event.from != 0) append_member(out, "from", event.from);
  if (event.merged != 0) append_member(out, "merged", event.merged);
  append_text(out, "data");
  append_embedded(out, event.data);
}

void append_message(std::string& out, std::string_view json) {
  if (!json.starts_with('{')) return append_json(out, json);
  std::string_view type;
  const auto write_events = [&out](std::string_view name, std::string_view value) {
    if (name != "events" || !value.starts_with('[')) return false;
    append_events(out, value);
    return true;
  };
  // The type is the first member of every reply.
  append_object_with(out, json, [&](std::string_view name, std::string_view value) {
    if (name == "type") type = value;
    if (name != "data" || type != R"("history")" || !value.starts_with('{')) return false;
    append_object_with(out, value, write_events);
    return true;
  });
}

}  // namespace wskit::cbor
