#include "wsserve/http/publish_request.h"

#include <fmt/format.h>

#include <array>
#include <boost/algorithm/string/predicate.hpp>
#include <map>
#include <optional>

#include "common/protocol/command_slices.h"
#include "common/protocol/json_text.h"
#include "common/protocol/json_writer.h"
#include "common/protocol/quote.h"
#include "common/text.h"
#include "common/websocket/utf8.h"
#include "wsserve/http/uri.h"

namespace wskit::server::http {
namespace {

using protocol::CommandField;
using protocol::CommandFields;
using protocol::Error;
using protocol::ErrorCode;
using protocol::JsonScanner;
using protocol::kCommandFieldNames;

constexpr std::array<std::string_view, 3> kLineTypes{"application/x-ndjson", "application/ndjson",
                                                     "application/jsonl"};
// What a publish takes besides its channel and its data. A producer is the command's.
constexpr std::array<CommandField, 6> kMembers{CommandField::kType,     CommandField::kTimestamp,
                                               CommandField::kKey,      CommandField::kDedup,
                                               CommandField::kProducer, CommandField::kSequence};
// What an event has besides that came from a server, and gets anew from this one.
constexpr std::array<std::string_view, 8> kGivenAnew{"channel", "offset", "id",   "received",
                                                     "from",    "merged", "prev", "tags"};

// What the body is to be taken for.
enum class Form : std::uint8_t { kJson, kText, kJsonOrText };

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

bool is_member(CommandField field) { return std::ranges::find(kMembers, field) != kMembers.end(); }

std::string member_names() {
  std::string names;
  for (const CommandField member : kMembers) {
    if (!names.empty()) names += ", ";
    names += kCommandFieldNames[member];
  }
  return names;
}

Error bad_json(std::string_view where, const protocol::JsonFault& fault) {
  return {ErrorCode::kBadJson, fmt::format("{}: {} at byte {}", where, fault.reason, fault.position),
          fmt::format(R"({{"position":{}}})", fault.position)};
}

// The levels of the publish command around the data of an event count as well.
constexpr std::size_t kMaxDataDepth = protocol::kMaxJsonDepth - 1;
constexpr std::size_t kMaxDataDepthInBatch = protocol::kMaxJsonDepth - 3;
// An object that has `data` is one of these levels itself.
constexpr std::size_t kMaxEventDepthInBatch = protocol::kMaxJsonDepth - 2;

// REQUIRES: the text is JSON that is deeper.
Error too_deep(std::string_view where, std::string_view json, std::size_t max_depth) {
  JsonScanner scanner(json, max_depth);
  (void)scanner.value();
  return bad_json(where, scanner.fault());
}

// Puts a request together.
class Builder {
 public:
  explicit Builder(std::string_view channel) {
    defaults_.put(CommandField::kChannel, write(json_text(channel)));
  }

  // What the query says of all events.
  [[nodiscard]] protocol::Result<void> read_query(const QueryParameters& parameters) {
    // As everywhere in a query, the last one counts.
    std::map<CommandField, const std::string*> values;
    for (const auto& [name, value] : parameters) {
      const auto field = kCommandFieldNames.find(name);
      if (!field || !is_member(*field)) continue;
      if (!is_utf8(value)) return Error{ErrorCode::kBadEvent, fmt::format("{}= is not UTF-8", name), {}};
      values[*field] = &value;
    }
    for (const auto& [field, value] : values) {
      std::string json = field == CommandField::kSequence && is_number(*value) ? *value : json_text(*value);
      if (field == CommandField::kProducer) {
        request_.producer = std::move(json);
      } else {
        defaults_.put(field, write(std::move(json)));
      }
    }
    return {};
  }

  [[nodiscard]] protocol::Result<void> read_lines(std::string_view body, Form form);

  // One event, whose data is JSON text in the body.
  void add(std::string_view data) { add_event(defaults_, data); }
  void add_text(std::string_view text) { add(write(json_text(text))); }

  [[nodiscard]] PublishRequest finish() { return std::move(request_); }

 private:
  // Keeps a text as long as the request lives.
  std::string_view write(std::string text) { return request_.written.emplace_back(std::move(text)); }

  void add_event(const CommandFields& members, std::string_view data) {
    CommandFields& event = request_.events.emplace_back(members);
    event.put(CommandField::kData, data);
  }
  [[nodiscard]] protocol::Result<void> add_line(std::string_view line, std::size_t number);

  CommandFields defaults_;
  PublishRequest request_;
};

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// What the members of a line's object are, where it has `data`.
struct LineMembers {
  CommandFields known;
  std::optional<std::string_view> unknown;  // the first one that no event has

  void put(std::string_view name, std::string_view value) {
    const auto field = kCommandFieldNames.find(name);
    if (field && (*field == CommandField::kData || is_member(*field))) {
      known.put(*field, value);
    } else if (!is_one_of(kGivenAnew, name) && !unknown) {
      unknown = name;
    }
  }
};

protocol::Result<void> Builder::add_line(std::string_view line, std::size_t number) {
  JsonScanner scanner(line);
  LineMembers members;
  // White space around a value is not part of it.
  std::string_view whole = trim(line);
  if (scanner.peek() == '{') {
    std::string_view name;
    for (bool more = scanner.begin_object(name); more; more = scanner.next_member(name)) {
      members.put(name, scanner.value());
    }
  } else {
    whole = scanner.value();
  }
  if (!scanner.finish()) return bad_json(fmt::format("line {}", number), scanner.fault());
  CommandFields& known = members.known;
  const std::size_t max_depth = known.has(CommandField::kData) ? kMaxEventDepthInBatch : kMaxDataDepthInBatch;
  if (scanner.deepest() > max_depth) return too_deep(fmt::format("line {}", number), line, max_depth);
  if (!known.has(CommandField::kData)) {
    add_event(defaults_, whole);
    return {};
  }
  if (const auto repeated = known.repeated()) {
    return Error{ErrorCode::kBadCommand,
                 fmt::format("line {}: the field {} stands there twice", number,
                             protocol::quote(kCommandFieldNames[*repeated])),
                 {}};
  }
  if (members.unknown) {
    return Error{
        ErrorCode::kBadCommand,
        fmt::format("line {}: an event has no member {}; there are data, {}, and the others of an event. "
                    "If the whole line is the data, put it into \"data\"",
                    number, protocol::quote(*members.unknown), member_names()),
        {}};
  }
  for (const CommandField field : {CommandField::kChannel, CommandField::kType, CommandField::kTimestamp,
                                   CommandField::kKey, CommandField::kDedup}) {
    if (!known.has(field) && defaults_.has(field)) known.put(field, defaults_[field]);
  }
  request_.events.push_back(known);
  return {};
}

protocol::Result<void> Builder::read_lines(std::string_view body, Form form) {
  if (defaults_.has(CommandField::kSequence)) {
    return Error{
        ErrorCode::kBadCommand,
        "sequence= is of one event; where each line is one, it stands in the line, beside its \"data\"",
        {}};
  }
  for (std::size_t number = 1; !body.empty(); ++number) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    std::string_view line = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    if (line.find_first_not_of(kWhiteSpace) == std::string_view::npos) continue;
    // One more than may be: who reads the events says that there are too many.
    if (request_.lines.size() > protocol::kMaxListElements) break;
    request_.lines.push_back(number);
    if (form == Form::kText) {
      if (line.ends_with('\r')) line.remove_suffix(1);
      add_text(line);
    } else if (const auto added = add_line(line, number); !added) {
      return added.error();
    }
  }
  if (request_.lines.empty()) return Error{ErrorCode::kBadEvent, "the body has no line with an event", {}};
  return {};
}

}  // namespace

protocol::Result<PublishRequest> parse_publish_request(const Request& request, std::string_view channel) {
  const auto parameters = parse_query(request.query);
  if (!parameters) return Error{ErrorCode::kBadCommand, "the query has a malformed percent escape", {}};
  const auto form = form_of(request, *parameters);
  if (!form) return form.error();
  Builder builder(channel);
  if (const auto read = builder.read_query(*parameters); !read) return read.error();
  if (!is_utf8(request.body)) {
    return Error{ErrorCode::kBadJson, "the body is not UTF-8", R"({"position":0})"};
  }
  if (takes_lines(request)) {
    if (const auto read = builder.read_lines(request.body, *form); !read) return read.error();
    return builder.finish();
  }
  JsonScanner scanner(request.body);
  const std::string_view data = scanner.value();
  const bool is_json = scanner.finish();
  if (*form == Form::kJson && !is_json) {
    return bad_json("the body is not JSON (say ?as=text if it is a text)", scanner.fault());
  }
  if (*form == Form::kText || !is_json) {
    builder.add_text(request.body);
    return builder.finish();
  }
  if (scanner.deepest() > kMaxDataDepth) return too_deep("the body", request.body, kMaxDataDepth);
  builder.add(data);
  return builder.finish();
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
