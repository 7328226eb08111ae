#include "common/protocol/quote.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "common/protocol/control.h"
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

}  // namespace

std::string quote(std::string_view text) {
  std::string valid;
  while (!text.empty() && valid.size() < kMaxQuotedBytes) {
    const CodePoint point = decode_code_point(text);
    valid += point.bytes == 0 ? "\uFFFD" : text.substr(0, point.bytes);
    text.remove_prefix(std::max<std::size_t>(point.bytes, 1));
  }
  if (!text.empty()) valid += "…";
  std::string quoted;
  append_json_string(quoted, valid);
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
