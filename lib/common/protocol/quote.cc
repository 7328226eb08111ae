#include "common/protocol/quote.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "common/protocol/utf8.h"

namespace wskit::protocol {
namespace {

constexpr std::size_t kMaxQuotedBytes = 256;

// How many characters to add, drop, replace, or swap with their neighbour to make
// one text of the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> distance(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        distance[i][j] = i + j;
        continue;
      }
      const std::size_t replaced = distance[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      distance[i][j] = std::min({distance[i - 1][j] + 1, distance[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        distance[i][j] = std::min(distance[i][j], distance[i - 2][j - 2] + 1);
      }
    }
  }
  return distance[a.size()][b.size()];
}

// All of them lie below U+10000.
void append_escape(std::string& out, char32_t c) {
  constexpr std::string_view kShort = "\b\f\n\r\t";
  constexpr std::string_view kShortNames = "bfnrt";
  const std::size_t index = c < 0x20 ? kShort.find(static_cast<char>(c)) : std::string_view::npos;
  out += index == std::string_view::npos ? fmt::format("\\u{:04x}", static_cast<unsigned>(c))
                                         : fmt::format("\\{}", kShortNames[index]);
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const CodePoint point = decode_code_point(text);
    if (point.bytes == 0) {
      out += "\uFFFD";
    } else if (point.value == '"' || point.value == '\\') {
      out += '\\';
      out += static_cast<char>(point.value);
    } else if (is_obeyed(point.value)) {
      append_escape(out, point.value);
    } else {
      out += text.substr(0, point.bytes);
    }
    text.remove_prefix(std::max<std::size_t>(point.bytes, 1));
  }
  out += '"';
}

void append_plain_json(std::string& out, std::string_view json) {
  bool in_string = false;
  bool escaped = false;
  while (!json.empty()) {
    const CodePoint point = decode_code_point(json);
    if (point.bytes == 0) {
      out += "\uFFFD";
    } else if (!is_obeyed(point.value)) {
      out += json.substr(0, point.bytes);
    } else if (in_string) {
      append_escape(out, point.value);
    } else {
      out += ' ';
    }
    if (point.value == '"' && !escaped) in_string = !in_string;
    escaped = in_string && !escaped && point.value == '\\';
    json.remove_prefix(std::max<std::size_t>(point.bytes, 1));
  }
}

std::string quote(std::string_view text) {
  std::string cut;
  while (!text.empty() && cut.size() < kMaxQuotedBytes) {
    const std::size_t bytes = std::max<std::size_t>(decode_code_point(text).bytes, 1);
    cut += text.substr(0, bytes);
    text.remove_prefix(bytes);
  }
  if (!text.empty()) cut += "…";
  std::string quoted;
  append_quoted(quoted, cut);
  return quoted;
}

std::string_view nearest_name(std::string_view text, std::span<const std::string_view> names) {
  std::string_view nearest;
  std::size_t smallest = 0;
  for (const std::string_view name : names) {
    if (text.size() > 2 * name.size()) continue;
    // What was only begun is meant whole.
    const bool is_begun = text.size() > 3 && name.starts_with(text);
    const std::size_t distance = is_begun ? 1 : edit_distance(text, name);
    const bool near = distance <= std::max<std::size_t>(1, name.size() / 3);
    if (near && (nearest.empty() || distance < smallest)) {
      nearest = name;
      smallest = distance;
    }
  }
  return nearest;
}

}  // namespace wskit::protocol
