#include "wsserve/http/path_template.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/protocol/quote.h"
#include "wsserve/http/uri.h"

namespace wskit::server::http {
namespace {

constexpr std::string_view kNameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
// What RFC 3986 allows in a segment as it is.
constexpr std::string_view kOtherSegmentBytes = ".~!$&'()*+,;=:@";

protocol::Error fault(std::string_view text, std::string_view what) {
  return {protocol::ErrorCode::kBadCommand, fmt::format("path {}: {}", protocol::quote(text), what), {}};
}

// Takes the first segment off `path`, which begins with its slash.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

bool is_plain(std::string_view segment) {
  return std::ranges::all_of(segment, [](char c) {
    return kNameBytes.find(c) != std::string_view::npos ||
           kOtherSegmentBytes.find(c) != std::string_view::npos;
  });
}

}  // namespace

bool is_variable_name(std::string_view text) {
  return !text.empty() && text.find_first_not_of(kNameBytes) == std::string_view::npos;
}

protocol::Result<PathTemplate> PathTemplate::parse(std::string_view text) {
  if (!text.starts_with('/')) return fault(text, "it begins with a /");
  PathTemplate result;
  result.text_ = text;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view segment = take_segment(rest);
    if (segment.empty()) return fault(text, "no segment may be empty");
    if (segment.find('?') != std::string_view::npos) {
      return fault(text, "leave the query out: a channel that names {symbols} takes it from ?symbols=");
    }
    if (!segment.starts_with('{')) {
      if (!is_plain(segment)) {
        return fault(text, fmt::format("{} is no segment of a path; a variable is one as a whole, {{name}}",
                                       protocol::quote(segment)));
      }
      result.segments_.push_back({std::string(segment)});
      continue;
    }
    const std::string_view name =
        segment.substr(1, segment.size() - std::min<std::size_t>(segment.size(), 2));
    if (!segment.ends_with('}') || !is_variable_name(name)) {
      return fault(text, fmt::format("{} is no variable; write {{name}}, of letters, digits, _ and -",
                                     protocol::quote(segment)));
    }
    if (std::ranges::find(result.variables_, name) != result.variables_.end()) {
      return fault(text, fmt::format("{{{}}} stands there twice", name));
    }
    result.segments_.push_back({});
    result.variables_.emplace_back(name);
  }
  return result;
}

std::optional<std::vector<std::string>> PathTemplate::match(std::string_view path) const {
  std::vector<std::string> values;
  for (const Segment& segment : segments_) {
    if (!path.starts_with('/')) return std::nullopt;
    auto text = percent_decode(take_segment(path));
    if (!text) return std::nullopt;
    if (segment.text.empty()) {
      values.push_back(*std::move(text));
    } else if (*text != segment.text) {
      return std::nullopt;
    }
  }
  return path.empty() ? std::optional(std::move(values)) : std::nullopt;
}

bool PathTemplate::overlaps(const PathTemplate& other) const {
  return std::ranges::equal(segments_, other.segments_, [](const Segment& mine, const Segment& theirs) {
    return mine.text.empty() || theirs.text.empty() || mine.text == theirs.text;
  });
}

}  // namespace wskit::server::http
