// Names and patterns: two lines of input, a pattern and a name, matched by the
// library and by a model that follows the definition word for word.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "claim.h"
#include "common/protocol/channel.h"
#include "common/protocol/json_text.h"

namespace {

using namespace wskit::protocol;  // NOLINT(google-build-using-namespace): a program of its own
using wskit::fuzz::claim;

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (true) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool model_matches(std::string_view pattern, std::string_view channel) {
  if (channel.starts_with('@') && !pattern.starts_with('@')) return false;
  std::vector<std::string_view> wanted = segments_of(pattern);
  std::vector<std::string_view> segments = segments_of(channel);
  if (wanted.back() == "**") {
    wanted.pop_back();
    if (segments.size() <= wanted.size()) return false;
    segments.resize(wanted.size());
  }
  if (wanted.size() != segments.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] != "*" && wanted[i] != segments[i]) return false;
  }
  return true;
}

void check_name(std::string_view name) {
  const auto checked = check_channel(name);
  if (checked) {
    claim(name.size() <= kMaxChannelBytes, "a name is bounded");
    claim(segments_of(name).size() <= kMaxChannelSegments, "its segments are");
    claim(!looks_like_pattern(name), "a name is no pattern");
    const auto pattern = Pattern::parse(name);
    claim(pattern && pattern->matches(name), "a name is a pattern that matches itself");
    return;
  }
  const std::string details = checked.error().details;
  JsonScanner scanner(details);
  (void)scanner.value();
  claim(scanner.finish(), "the details are JSON, whatever the name");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const std::size_t line = text.find('\n');
  const std::string_view first = text.substr(0, line);
  const std::string_view second = line == std::string_view::npos ? std::string_view() : text.substr(line + 1);
  check_name(first);
  check_name(second);
  const auto pattern = Pattern::parse(first);
  if (pattern && check_channel(second)) {
    claim(pattern->text() == first, "a pattern keeps its text");
    claim(pattern->matches(second) == model_matches(first, second), "a match is what the definition says");
  }
  return 0;
}
