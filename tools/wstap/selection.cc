#include "wstap/selection.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "common/protocol/command_text.h"

namespace wskit::tap {
namespace {

using protocol::Error;
using protocol::ErrorCode;
using protocol::Result;

bool contains(const std::vector<std::string>& texts, std::string_view text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

std::optional<Error> check_types(const std::vector<std::string>& types) {
  for (const std::string& type : types) {
    if (protocol::is_valid_type(type)) continue;
    return Error{ErrorCode::kBadEvent,
                 fmt::format("'{}' is not a type: 1 to 64 letters, digits, and _ . : -", type),
                 {}};
  }
  return std::nullopt;
}

}  // namespace

Result<Selection> Selection::make(const std::vector<std::string>& channels,
                                  const std::vector<std::string>& types,
                                  const std::vector<std::string>& also_types, TypeFilter filter) {
  Selection selection;
  for (const std::string& channel : channels) {
    if (contains(selection.channels_, channel)) continue;
    const Result<protocol::Pattern> pattern = protocol::Pattern::parse(channel);
    if (!pattern) return pattern.error();
    selection.channels_.push_back(channel);
    selection.patterns_.push_back(*pattern);
  }
  for (const auto* list : {&types, &also_types}) {
    if (const std::optional<Error> error = check_types(*list)) return *error;
  }
  selection.types_ = types;
  if (types.empty() || filter == TypeFilter::kHere) return selection;
  selection.server_types_ = types;
  for (const std::string& type : also_types) {
    if (!contains(types, type)) selection.server_types_.push_back(type);
  }
  return selection;
}

std::string Selection::subscribe_command(const std::vector<std::string>& channels,
                                         const std::optional<protocol::Since>& since,
                                         std::string_view id) const {
  protocol::Command command;
  command.action = protocol::Action::kSubscribe;
  command.id = id;
  command.channels.emplace(channels.begin(), channels.end());
  if (!server_types_.empty()) command.event_types.emplace(server_types_.begin(), server_types_.end());
  command.since = since;
  command.matched = std::ranges::any_of(channels, protocol::looks_like_pattern);
  std::string text;
  protocol::append_command(text, command);
  return text;
}

bool Selection::selects(std::string_view channel) const {
  const auto matches = [&](const protocol::Pattern& pattern) { return pattern.matches(channel); };
  return patterns_.empty() || std::ranges::any_of(patterns_, matches);
}

bool Selection::wants_type(std::string_view type) const { return types_.empty() || contains(types_, type); }

std::string unsubscribe_command(const std::vector<std::string>& channels) {
  protocol::Command command;
  command.action = protocol::Action::kUnsubscribe;
  command.id = kUnsubscribeId;
  command.channels.emplace(channels.begin(), channels.end());
  std::string text;
  protocol::append_command(text, command);
  return text;
}

}  // namespace wskit::tap
