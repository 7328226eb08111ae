#include "wsserve/http/publish_request.h"

#include <fmt/format.h>

#include <array>
#include <boost/algorithm/string/predicate.hpp>
#include <map>

#include "common/protocol/control.h"
#include "common/protocol/json_text.h"
#include "common/protocol/quote.h"
#include "common/text.h"
#include "common/websocket/utf8.h"
#include "wsserve/http/uri.h"

namespace wskit::server::http {
namespace {

using protocol::Error;
using protocol::ErrorCode;
using protocol::JsonScanner;

constexpr std::array<std::string_view, 3> kLineTypes{"application/x-ndjson", "application/ndjson",
                                                     "application/jsonl"};
// What a publish takes besides its channel and its data. A producer is the command's.
constexpr std::string_view kProducer = "producer";
constexpr std::string_view kSequence = "sequence";
constexpr std::array<std::string_view, 6> kMembers{"type", "timestamp", "key", "dedup", kProducer, kSequence};
// What an event has besides that came from a server, and gets anew from this one.
constexpr std::array<std::string_view, 8> kGivenAnew{"channel", "offset", "id",   "received",
                                                     "from",    "merged", "prev", "tags"};

// What the body is to be taken for.
enum class Form : std::uint8_t { kJson, kText, kJsonOrText };

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

std::string json_text(std::string_view text) {
  std::string json;
  protocol::append_json_string(json, text);
  return json;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos &&
         (text.front() != '0' || text.size() == 1);
}

// JSON that pages send is text to a browser unless they say otherwise.
protocol::Result<Form> form_of(const Request& request, const QueryParameters& parameters) {
  for (const auto& [name, value] : parameters) {
    if (name != "as") continue;
    if (value == "text") return Form::kText;
    if (value == "json") return Form::kJson;
    return Error{
        ErrorCode::kBadCommand, fmt::format("as=: {} is not text or json", protocol::quote(value)), {}};
  }
  return has_type(request, "text/plain") ? Form::kJsonOrText : Form::kJson;
}

protocol::Result<Members> members_of_query(const QueryParameters& parameters) {
  Members members;
  for (const auto& [name, value] : parameters) {
    const auto* const known = std::ranges::find(kMembers, name);
    if (known == kMembers.end()) continue;
    if (!is_utf8(value)) {
      return Error{ErrorCode::kBadEvent, fmt::format("{}= is not UTF-8", name), {}};
    }
    members[*known] = *known == kSequence && is_number(value) ? value : json_text(value);
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

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// One line's event, with what the query says for all.
protocol::Result<std::string> event_of_line(std::string_view line, std::size_t number,
                                            std::string_view channel, const Members& defaults) {
  JsonScanner scanner(line);
  Members members;
  std::string_view data;
  std::string_view whole;
  std::string_view unknown;
  std::string_view repeated;
  if (scanner.peek() == '{') {
    std::string_view name;
    for (bool more = scanner.begin_object(name); more; more = scanner.next_member(name)) {
      const std::string_view value = scanner.value();
      const bool is_data = name == "data";
      if (is_data && !data.empty()) repeated = name;
      if (is_data) data = value;
      const bool is_member = is_one_of(kMembers, name);
      if (is_member && !members.emplace(name, value).second) repeated = name;
      if (!is_data && !is_member && !is_one_of(kGivenAnew, name) && unknown.data() == nullptr) unknown = name;
    }
  } else {
    whole = scanner.value();
  }
  if (!scanner.finish()) return bad_json(fmt::format("line {}", number), scanner.fault());
  if (!data.empty() && !repeated.empty()) {
    return Error{ErrorCode::kBadCommand,
                 fmt::format("line {}: the field {} stands there twice", number, protocol::quote(repeated)),
                 {}};
  }
  if (!data.empty() && unknown.data() != nullptr) {
    return Error{
        ErrorCode::kBadCommand,
        fmt::format("line {}: an event has no member {}; there are data, {}, and the others of an event. "
                    "If the whole line is the data, put it into \"data\"",
                    number, protocol::quote(unknown), fmt::join(kMembers, ", ")),
        {}};
  }
  members.insert(defaults.begin(), defaults.end());
  std::string event = "{";
  if (data.empty()) {
    append_event(event, channel, defaults, whole.empty() ? line : whole);
  } else {
    append_event(event, channel, members, data);
  }
  event += '}';
  return event;
}

protocol::Result<std::string> text_of_line(std::string_view line, std::string_view channel,
                                           const Members& defaults) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::string event = "{";
  append_event(event, channel, defaults, json_text(line));
  return event + "}";
}

protocol::Result<PublishRequest> from_lines(const Request& request, std::string_view channel,
                                            const Members& members, Form form) {
  if (members.contains(kSequence)) {
    return Error{
        ErrorCode::kBadCommand,
        "sequence= is of one event; where each line is one, it stands in the line, beside its \"data\"",
        {}};
  }
  PublishRequest publish{.command = R"({"action":"publish","id":0,)", .lines = {}};
  Members defaults = members;
  if (const auto producer = defaults.extract(kProducer); !producer.empty()) {
    publish.command += fmt::format(R"("{}":{},)", kProducer, producer.mapped());
  }
  publish.command += R"("events":[)";
  std::string_view rest = request.body;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.find_first_not_of(kWhiteSpace) == std::string_view::npos) continue;
    const auto event = form == Form::kText ? text_of_line(line, channel, defaults)
                                           : event_of_line(line, number, channel, defaults);
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
  const auto parameters = parse_query(request.query);
  if (!parameters) return Error{ErrorCode::kBadCommand, "the query has a malformed percent escape", {}};
  const auto form = form_of(request, *parameters);
  if (!form) return form.error();
  const auto members = members_of_query(*parameters);
  if (!members) return members.error();
  if (!is_utf8(request.body)) {
    return Error{ErrorCode::kBadJson, "the body is not UTF-8", R"({"position":0})"};
  }
  if (takes_lines(request)) return from_lines(request, channel, *members, *form);
  PublishRequest publish{.command = R"({"action":"publish","id":0,)", .lines = {}};
  // Checked by itself, so that it cannot end the event and begin another.
  JsonScanner scanner(request.body);
  const std::string_view data = scanner.value();
  const bool is_json = scanner.finish();
  if (*form == Form::kJson && !is_json) {
    return bad_json("the body is not JSON (say ?as=text if it is a text)", scanner.fault());
  }
  const bool as_text = *form == Form::kText || !is_json;
  append_event(publish.command, channel, *members, as_text ? json_text(request.body) : std::string(data));
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
