#include "wstap/history_page.h"

#include <fmt/core.h>

#include <charconv>

#include "common/protocol/control.h"
#include "common/protocol/event.h"
#include "common/protocol/fields.h"
#include "common/protocol/json_text.h"
#include "wstap/control_message.h"

namespace wskit::tap {
namespace {

using protocol::FieldNames;
using protocol::FieldSlices;
using protocol::JsonScanner;

enum class Member : std::uint8_t { kType, kId, kTimestamp, kData };
constexpr FieldNames<Member, 4> kMembers{{"type", "id", "timestamp", "data"}};

enum class PageField : std::uint8_t { kEvents, kOffset, kEpoch, kOldest, kRecovered, kComplete };
constexpr FieldNames<PageField, 6> kPageFields{{"events", "offset", "epoch", "oldest", "recovered", "complete"}};

std::string_view unquoted(std::string_view json) {
  return protocol::is_json_string(json) ? json.substr(1, json.size() - 2) : std::string_view();
}

std::optional<std::uint64_t> number(std::string_view json) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), value);
  if (json.empty() || error != std::errc() || end != json.data() + json.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<HistoryPage> parse_history_page(std::string_view text) {
  JsonScanner message(text);
  FieldSlices<Member, 4> members;
  slice_fields(message, kMembers, members);
  if (!message.finish() || unquoted(members[Member::kType]) != "history") return std::nullopt;
  if (!members[Member::kData].starts_with('{')) return std::nullopt;
  JsonScanner content(members[Member::kData]);
  FieldSlices<PageField, 6> fields;
  slice_fields(content, kPageFields, fields);
  const std::optional<std::uint64_t> offset = number(fields[PageField::kOffset]);
  if (!offset) return std::nullopt;
  HistoryPage page;
  page.id = members[Member::kId];
  page.timestamp = unquoted(members[Member::kTimestamp]);
  page.offset = *offset;
  page.epoch = unquoted(fields[PageField::kEpoch]);
  page.oldest = number(fields[PageField::kOldest]).value_or(1);
  // They would be kept in the cursor and sent back to the server.
  if (page.offset > kMostOffset || page.oldest == 0 || page.oldest > kMostOffset) return std::nullopt;
  if (!page.epoch.empty() && !protocol::is_valid_type(page.epoch)) return std::nullopt;
  page.recovered = fields[PageField::kRecovered] == "true";
  page.complete = fields[PageField::kComplete] == "true";
  if (!fields[PageField::kEvents].starts_with('[')) return std::nullopt;
  JsonScanner events(fields[PageField::kEvents]);
  for (bool more = events.begin_array(); more; more = events.next_element()) {
    page.events.push_back(events.value());
  }
  return page;
}

std::string history_command(std::string_view id, std::string_view channel, std::string_view since,
                            std::size_t limit) {
  std::string name;
  protocol::append_json_string(name, channel);
  return fmt::format(R"({{"action":"history","id":{},"channel":{},"since":{},"limit":{}}})", id, name, since,
                     limit);
}

}  // namespace wskit::tap
