#include "wspub/segment_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "common/protocol/channel.h"
#include "common/protocol/utf8.h"

namespace wskit::pub {
namespace {

// Whether a segment may hold this character somewhere.
bool is_held(std::string_view character) { return character == "." || protocol::check_channel(character); }

// Calls `kept` for each run of what a segment may hold, `other` for each character
// that it may not.
template <class Kept, class Other>
void take_apart(std::string_view value, bool begins_name, Kept kept, Other other) {
  const bool is_dots = value == "." || value == "..";
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t bytes = std::max<std::size_t>(protocol::decode_code_point(value.substr(at)).bytes, 1);
    const std::string_view character = value.substr(at, bytes);
    const bool is_servers = at == 0 && begins_name && character == "@";
    if (is_dots || is_servers || !is_held(character)) {
      other(character);
    } else {
      kept(character);
    }
    at += bytes;
  }
}

}  // namespace

std::string encode_segment(std::string_view value, bool begins_name) {
  if (value.empty()) return "~";
  std::string text;
  const auto encode = [&text](std::string_view character) {
    for (const char byte : character) {
      fmt::format_to(std::back_inserter(text), "~{:02X}", static_cast<unsigned char>(byte));
    }
  };
  const auto keep = [&](std::string_view character) {
    if (character == "~") {
      encode(character);
    } else {
      text += character;
    }
  };
  take_apart(value, begins_name, keep, encode);
  return text;
}

std::string replace_in_segment(std::string_view value, bool begins_name, std::string_view replacement) {
  std::string text;
  take_apart(
      value, begins_name, [&text](std::string_view character) { text += character; },
      [&](std::string_view) { text += replacement; });
  return text;
}

}  // namespace wskit::pub
