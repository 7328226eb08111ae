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

// The text of a JSON string.
void append_string(std::string& out, std::string_view json) {
  std::string decoded;
  append_text(out, protocol::json_string(json, decoded).value_or(std::string_view()));
}

void append_number(std::string& out, std::string_view json) {
  const char* end = json.data() + json.size();
  std::uint64_t whole = 0;
  if (const auto [last, error] = std::from_chars(json.data(), end, whole);
      error == std::errc{} && last == end) {
    return append_head(out, cbor_encode_uint, whole);
  }
  std::int64_t below = 0;
  if (const auto [last, error] = std::from_chars(json.data(), end, below);
      error == std::errc{} && last == end) {
    return append_head(out, cbor_encode_negint, static_cast<std::uint64_t>(-(below + 1)));
  }
  double number = 0;
  std::from_chars(json.data(), end, number);
  append_head(out, cbor_encode_double, number);
}

void append_embedded(std::string& out, std::string_view json) {
  append_head(out, cbor_encode_tag, std::uint64_t{kEmbeddedJson});
  append_head(out, cbor_encode_bytestring_start, json.size());
  out.append(json);
}

std::size_t count_members(std::string_view object) {
  JsonScanner scanner(object);
  std::string_view key;
  std::size_t count = 0;
  for (bool more = scanner.begin_object(key); more; more = scanner.next_member(key)) {
    (void)scanner.value();
    ++count;
  }
  return count;
}

std::size_t count_elements(std::string_view array) {
  JsonScanner scanner(array);
  std::size_t count = 0;
  for (bool more = scanner.begin_array(); more; more = scanner.next_element()) {
    (void)scanner.value();
    ++count;
  }
  return count;
}

void append_object(std::string& out, std::string_view object) {
  append_head(out, cbor_encode_map_start, count_members(object));
  JsonScanner scanner(object);
  std::string_view key;
  for (bool more = scanner.begin_object(key); more; more = scanner.next_member(key)) {
    std::string decoded;
    if (key.find('\\') == std::string_view::npos || !protocol::append_decoded(decoded, key)) {
      append_text(out, key);
    } else {
      append_text(out, decoded);
    }
    append_json(out, scanner.value());
  }
}

void append_array(std::string& out, std::string_view array) {
  append_head(out, cbor_encode_array_start, count_elements(array));
  JsonScanner scanner(array);
  for (bool more = scanner.begin_array(); more; more = scanner.next_element()) {
    append_json(out, scanner.value());
  }
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
  append_head(out, cbor_encode_array_start, count_elements(array));
  JsonScanner scanner(array);
  std::string storage;
  for (bool more = scanner.begin_array(); more; more = scanner.next_element()) {
    const std::string_view text = scanner.value();
    const auto event = protocol::decode_event(text, storage);
    event ? append_event(out, *event) : append_json(out, text);
  }
}

// An object; `write(name, value)` appends the value of a member or says that it did not.
template <class Write>
void append_object_with(std::string& out, std::string_view object, const Write& write) {
  append_head(out, cbor_encode_map_start, count_members(object));
  JsonScanner scanner(object);
  std::string_view name;
  for (bool more = scanner.begin_object(name); more; more = scanner.next_member(name)) {
    const std::string_view value = scanner.value();
    append_text(out, name);
    if (!write(name, value)) append_json(out, value);
  }
}

}  // namespace

void append_json(std::string& out, std::string_view json) {
  JsonScanner scanner(json);
  switch (scanner.peek()) {
    case '{':
      return append_object(out, json);
    case '[':
      return append_array(out, json);
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
  const auto type = protocol::json_member(json, "type");
  if (type != R"("history")") return append_json(out, json);
  const auto write_events = [&out](std::string_view name, std::string_view value) {
    if (name != "events" || !value.starts_with('[')) return false;
    append_events(out, value);
    return true;
  };
  append_object_with(out, json, [&](std::string_view name, std::string_view value) {
    if (name != "data" || !value.starts_with('{')) return false;
    append_object_with(out, value, write_events);
    return true;
  });
}

}  // namespace wskit::cbor
