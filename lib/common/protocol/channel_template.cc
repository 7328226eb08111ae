#include "common/protocol/channel_template.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/protocol/quote.h"

namespace wskit::protocol {
namespace {

Error fault(std::string_view text, std::string_view what) {
  return {ErrorCode::kBadChannel, fmt::format("channel template {}: {}", quote(text), what), {}};
}

}  // namespace

Result<ChannelTemplate> ChannelTemplate::parse(std::string_view text) {
  ChannelTemplate result;
  result.text_ = text;
  result.literals_.emplace_back();
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t brace = std::min(text.find_first_of("{}", at), text.size());
    result.literals_.back().append(text, at, brace - at);
    if (brace == text.size()) break;
    if (text[brace] == '}') return fault(text, fmt::format("the }} at column {} closes nothing", brace + 1));
    const std::size_t close = text.find('}', brace);
    if (close == std::string_view::npos) {
      return fault(text, fmt::format("the {{ at column {} is not closed", brace + 1));
    }
    result.places_.emplace_back(text.substr(brace + 1, close - brace - 1));
    result.literals_.emplace_back();
    at = close + 1;
  }
  return result;
}

std::string ChannelTemplate::sample() const {
  const std::vector<std::string_view> values(places_.size(), "x");
  std::string name;
  fill(values, name);
  return name;
}

Pattern ChannelTemplate::reach() const {
  // No name holds a brace, so one marks the segments that are open.
  const std::vector<std::string_view> values(places_.size(), "{");
  std::string marked;
  fill(values, marked);
  std::string pattern;
  for (std::string_view rest = marked; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, end);
    if (!pattern.empty()) pattern += '/';
    pattern += segment.find('{') == std::string_view::npos ? segment : "*";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return *Pattern::parse(pattern);
}

void ChannelTemplate::fill(std::span<const std::string_view> values, std::string& out) const {
  out = literals_.front();
  for (std::size_t i = 0; i < places_.size(); ++i) out.append(values[i]).append(literals_[i + 1]);
}

std::string segment_fault(std::string_view value, bool begins_name) {
  if (value.empty()) return "it is empty";
  if (value.find('/') != std::string_view::npos) return "it holds a /";
  if (begins_name && is_server_channel(value)) return "channels that begin with @ are the server's own";
  // A name of one segment is judged by the same rules as that segment.
  const auto checked = check_channel(value);
  return checked ? std::string() : checked.error().message;
}

}  // namespace wskit::protocol
