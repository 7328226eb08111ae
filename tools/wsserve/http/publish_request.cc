#include "wsserve/http/publish_request.h"

#include <fmt/format.h>

#include <array>
#include <boost/algorithm/string/predicate.hpp>
#include <map>

#include "common/protocol/control.h"
#include "common/protocol/json_text.h"
#include "common/websocket/utf8.h"
#include "wsserve/http/uri.h"

namespace wskit::server::http {
namespace {

using protocol::Error;
using protocol::ErrorCode;
using protocol::JsonScanner;

constexpr std::array<std::string_view, 3> kLineTypes{"application/x-ndjson", "application/ndjson",
                                                     "application/jsonl"};
// What a publish takes besides its channel and its data.
constexpr std::array<std::string_view, 4> kMembers{"type", "timestamp", "key", "dedup"};

// JSON text by the member's name.
using Members = std::map<std::string_view, std::string, std::less<>>;

bool has_type(const Request& request, std::string_view type) {
  return boost::algorithm::istarts_with(request.header("content-type"), type);
}

bool takes_lines(const Request& request) {
  return std::ranges::any_of(kLineTypes, [&](std::string_view type) { return has_type(request, type); });
}

bool is_utf8(std::string_view text) {
  websocket::Utf8Validator validator;
  return validator.feed(text) && validator.complete();
}

std::string quoted(std::string_view text) {
  std::string json;
  protocol::append_json_string(json, text);
  return json;
}

protocol::Result<Members> members_of_query(std::string_view query) {
  const auto parameters = parse_query(query);
  if (!parameters) return Error{ErrorCode::kBadCommand, "the query has a malformed percent escape", {}};
  Members members;
  for (const auto& [name, value] : *parameters) {
    const auto* const known = std::ranges::find(kMembers, name);
    if (known == kMembers.end()) continue;
    if (!is_utf8(value)) {
      return Error{ErrorCode::kBadEvent, fmt::format("{}= is not UTF-8", name), {}};
    }
    members[*known] = quoted(value);
  }
  return members;
}

// The members of an event's object, without its braces.
void append_event(std::string& out, std::string_view channel, const Members& members, std::string_view data) {
  out += R"("channel":)";
  protocol::append_json_string(out, channel);
  for (const auto& [name, json] : members) out += fmt::format(R"(,"{}":{})", name, json);
  out += R"(,"data":)";
  out += data;
}

Error bad_json(std::string_view where, const protocol::JsonFault& fault) {
  return {ErrorCode::kBadJson, fmt::format("{}: {} at byte {}", where, fault.reason, fault.position),
          fmt::format(R"({{"position":{}}})", fault.position)};
}

// One line's event, with what the query says for all.
protocol::Result<std::string> event_of_line(std::string_view line, std::size_t number,
                                            std::string_view channel, const Members& defaults) {
  JsonScanner scanner(line);
  Members members = defaults;
  std::string_view data;
  std::string_view whole;
  if (scanner.peek() == '{') {
    std::string_view name;
    for (bool more = scanner.begin_object(name); more; more = scanner.next_member(name)) {
      const std::string_view value = scanner.value();
      if (name == "data") data = value;
      const auto* const known = std::ranges::find(kMembers, name);
      if (known != kMembers.end()) members[*known] = value;
    }
  } else {
    whole = scanner.value();
  }
  if (!scanner.finish()) return bad_json(fmt::format("line {}", number), scanner.fault());
  std::string event = "{";
  if (data.empty()) {
    append_event(event, channel, defaults, whole.empty() ? line : whole);
  } else {
    append_event(event, channel, members, data);
  }
  event += '}';
  return event;
}

protocol::Result<PublishRequest> from_lines(const Request& request, std::string_view channel,
                                            const Members& defaults) {
  PublishRequest publish{.command = R"({"action":"publish","id":0,"events":[)", .lines = {}};
  std::string_view rest = request.body;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto event = event_of_line(line, number, channel, defaults);
    if (!event) return event.error();
    if (!publish.lines.empty()) publish.command += ',';
    publish.command += *event;
    publish.lines.push_back(number);
  }
  if (publish.lines.empty()) return Error{ErrorCode::kBadEvent, "the body has no line with an event", {}};
  publish.command += "]}";
  return publish;
}

}  // namespace

protocol::Result<PublishRequest> parse_publish_request(const Request& request, std::string_view channel) {
  const auto members = members_of_query(request.query);
  if (!members) return members.error();
  if (!is_utf8(request.body)) {
    return Error{ErrorCode::kBadJson, "the body is not UTF-8", R"({"position":0})"};
  }
  if (takes_lines(request)) return from_lines(request, channel, *members);
  PublishRequest publish{.command = R"({"action":"publish","id":0,)", .lines = {}};
  if (has_type(request, "text/plain")) {
    append_event(publish.command, channel, *members, quoted(request.body));
  } else {
    // Checked by itself, so that it cannot end the event and begin another.
    JsonScanner scanner(request.body);
    const std::string_view data = scanner.value();
    if (!scanner.finish()) return bad_json("the body is not JSON", scanner.fault());
    append_event(publish.command, channel, *members, data);
  }
  publish.command += '}';
  return publish;
}

protocol::Error at_line(protocol::Error error, std::span<const std::size_t> lines) {
  const auto index = protocol::index_of(error);
  if (!index || *index >= lines.size()) return error;
  const std::string place = protocol::place_in_batch(*index);
  if (error.message.starts_with(place)) {
    error.message.replace(0, place.size(), fmt::format("line {}: ", lines[*index]));
  }
  return error;
}

}  // namespace wskit::server::http
