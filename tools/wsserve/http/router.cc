#include "wsserve/http/router.h"

#include <array>
#include <charconv>
#include <optional>
#include <span>

#include "common/protocol/channel.h"
#include "common/protocol/command.h"
#include "common/protocol/event.h"
#include "common/protocol/quote.h"
#include "wsserve/channel/history_page.h"
#include "wsserve/http/field_value.h"
#include "wsserve/http/publish_request.h"
#include "wsserve/http/response.h"
#include "wsserve/http/upgrade.h"
#include "wsserve/http/uri.h"

namespace wskit::server::http {
namespace {

constexpr double kMaxHeartbeatSeconds = 3600;
constexpr double kMinHeartbeatSeconds = 0.1;

HttpError not_found(std::string_view path) {
  return {.status = 404,
          .code = "NOT_FOUND",
          .message = "nothing is at " + protocol::quote(path) + "; there are " + list_of_addresses(),
          .headers = {}};
}

std::optional<double> parse_seconds(std::string_view text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return seconds;
}

std::optional<HttpError> read_since(const std::string& value, protocol::Since& since) {
  const auto now = protocol::system_now();
  const auto parsed = protocol::parse_since_text(value, now);
  if (!parsed) return bad_request("BAD_REQUEST", "since=: " + parsed.error().message);
  since = *parsed;
  return std::nullopt;
}

// The channel or pattern behind /ws/, checked.
std::variant<std::string, HttpError> socket_channel(std::string_view encoded) {
  auto name = percent_decode(encoded);
  if (!name) return bad_request("BAD_CHANNEL", "the channel in the path has a malformed percent escape");
  const auto parsed = protocol::Pattern::parse(*name);
  if (!parsed) return bad_request("BAD_CHANNEL", parsed.error().message);
  return std::move(*name);
}

// The name behind a prefix, checked; no pattern.
std::variant<std::string, HttpError> channel_name(std::string_view encoded) {
  auto name = percent_decode(encoded);
  if (!name) return bad_request("BAD_CHANNEL", "the channel in the path has a malformed percent escape");
  if (const auto checked = protocol::check_channel(*name); !checked) {
    return bad_request("BAD_CHANNEL", checked.error().message);
  }
  return std::move(*name);
}

HttpError bad_query() { return bad_request("BAD_REQUEST", "the query has a malformed percent escape"); }

// The query of an address that takes these parameters.
std::variant<QueryParameters, HttpError> query_of(const Request& request,
                                                  std::span<const std::string_view> known,
                                                  std::span<const std::string_view> repeatable = {}) {
  auto query = parse_query(request.query);
  if (!query) return bad_query();
  std::string fault = query_fault(*query, known, repeatable);
  if (!fault.empty()) return bad_request("BAD_REQUEST", std::move(fault));
  return std::move(*query);
}

// A body that is to be undone first would be published as it is.
std::optional<HttpError> coding_problem(const Request& request) {
  const std::string value = request.header("content-encoding");
  for (const std::string_view coding : list_items(value)) {
    if (same_token(coding, "identity")) continue;
    return HttpError{.status = 415,
                     .code = "UNSUPPORTED_CODING",
                     .message = "the body's Content-Encoding " + protocol::quote(coding) +
                                " is not undone here; send the body as it is",
                     .headers = {{"Accept-Encoding", "identity"}}};
  }
  return std::nullopt;
}

Route history_route(const Request& request, std::string_view encoded) {
  HistoryRequest history;
  history.path = request.path;
  history.limit = protocol::kDefaultHistoryLimit;
  auto name = channel_name(encoded);
  if (auto* error = std::get_if<HttpError>(&name)) return std::move(*error);
  history.channel = std::get<std::string>(std::move(name));
  constexpr std::array<std::string_view, 2> kParameters{"limit", "since"};
  const auto query = query_of(request, kParameters);
  if (const auto* error = std::get_if<HttpError>(&query)) return *error;
  for (const auto& [key, value] : std::get<QueryParameters>(query)) {
    if (key == "since") {
      if (auto error = read_since(value, history.since)) return std::move(*error);
    } else if (key == "limit") {
      const auto limit = protocol::parse_history_limit(value);
      if (!limit) return bad_request("BAD_REQUEST", "limit=: " + limit.error().message);
      history.limit = *limit;
    }
  }
  history.lines = request.header("accept").find("application/x-ndjson") != std::string::npos;
  return history;
}

Route socket_route(const QueryParameters& query, std::vector<std::string> channels,
                   const Addresses& addresses) {
  CommandSocket socket{std::move(channels), {}};
  if (auto error = read_subscribe_options(query, socket.options, addresses.pace)) return std::move(*error);
  return socket;
}

Route socket_route(const Request& request, std::vector<std::string> channels, const Addresses& addresses) {
  const auto query = query_of(request, kUpgradeParameters);
  if (const auto* error = std::get_if<HttpError>(&query)) return *error;
  return socket_route(std::get<QueryParameters>(query), std::move(channels), addresses);
}

// An address of the configuration, if the path is one.
std::optional<Route> endpoint_route(const Request& request, const Addresses& addresses) {
  for (const Endpoint& endpoint : addresses.endpoints) {
    const auto values = endpoint.path.match(request.path);
    if (!values) continue;
    if (request.method != "GET") return method_not_allowed(request, "GET");
    auto query = parse_query(request.query);
    if (!query) return bad_query();
    if (std::string fault = repeated_parameter(*query, kUpgradeParameters); !fault.empty()) {
      return bad_request("BAD_REQUEST", std::move(fault));
    }
    const std::size_t unknown = endpoint.count_unknown(*query);
    const QueryParameters complete = endpoint.complete(std::move(*query));
    auto channels = endpoint.resolve(*values, complete, addresses.max_channels);
    if (auto* error = std::get_if<HttpError>(&channels)) return std::move(*error);
    Route socket = socket_route(complete, std::get<std::vector<std::string>>(std::move(channels)), addresses);
    if (auto* commands = std::get_if<CommandSocket>(&socket)) commands->unknown_parameters = unknown;
    return socket;
  }
  return std::nullopt;
}

// `encoded`: a channel or pattern; empty: all are in the query.
Route events_route(const Request& request, std::string_view encoded, const Addresses& addresses) {
  EventStreamRequest stream;
  if (!encoded.empty()) {
    auto channel = socket_channel(encoded);
    if (auto* error = std::get_if<HttpError>(&channel)) return std::move(*error);
    stream.channels.push_back(std::get<std::string>(std::move(channel)));
  }
  std::vector<std::string_view> known(kUpgradeParameters.begin(), kUpgradeParameters.end());
  known.push_back("channel");
  known.push_back("named");
  constexpr std::array<std::string_view, 1> kRepeatable{"channel"};
  auto query = query_of(request, known, kRepeatable);
  if (auto* error = std::get_if<HttpError>(&query)) return std::move(*error);
  auto& parameters = std::get<QueryParameters>(query);
  if (auto error = read_subscribe_options(parameters, stream.options, addresses.pace))
    return std::move(*error);
  for (auto& [name, value] : parameters) {
    if (name == "channel") {
      if (const auto parsed = protocol::Pattern::parse(value); !parsed) {
        return bad_request("BAD_CHANNEL", "channel=: " + parsed.error().message);
      }
      stream.channels.push_back(std::move(value));
    } else if (name == "named") {
      if (value != "true" && value != "false") {
        return bad_request("BAD_REQUEST", "named=: " + protocol::quote(value) + " is not true or false");
      }
      stream.named = value == "true";
    }
  }
  if (stream.channels.empty()) {
    stream.channels.assign(addresses.default_channels.begin(), addresses.default_channels.end());
    stream.options.defaults = true;
  }
  if (stream.channels.empty()) {
    return bad_request("BAD_CHANNEL", "which channel? write /events/<channel or pattern>, or ?channel=…");
  }
  // A browser that comes back asks for the same address; the header is newer.
  if (const std::string last = request.header("last-event-id"); !last.empty()) {
    const auto parsed = protocol::parse_since_text(last, protocol::system_now());
    if (!parsed) return bad_request("BAD_REQUEST", "Last-Event-ID: " + parsed.error().message);
    stream.options.since = *parsed;
  }
  return stream;
}

// `encoded`: a channel or pattern; empty: the server's default channels.
Route commands_route(const Request& request, std::string_view encoded, const Addresses& addresses) {
  if (encoded.empty()) {
    std::vector<std::string> channels(addresses.default_channels.begin(), addresses.default_channels.end());
    Route socket = socket_route(request, std::move(channels), addresses);
    if (auto* commands = std::get_if<CommandSocket>(&socket)) commands->options.defaults = true;
    return socket;
  }
  auto channel = socket_channel(encoded);
  if (auto* error = std::get_if<HttpError>(&channel)) return std::move(*error);
  return socket_route(request, {std::get<std::string>(std::move(channel))}, addresses);
}

Route publish_route(const Request& request, std::string_view encoded) {
  auto name = channel_name(encoded);
  if (auto* error = std::get_if<HttpError>(&name)) return std::move(*error);
  if (auto error = coding_problem(request)) return std::move(*error);
  const auto query = query_of(request, kPublishParameters);
  if (const auto* error = std::get_if<HttpError>(&query)) return *error;
  return PublishTarget{std::get<std::string>(std::move(name))};
}

Route admin_route(const Request& request, Address address, std::string_view rest) {
  auto asked = admin_request(request, address, rest);
  if (auto* error = std::get_if<HttpError>(&asked)) return std::move(*error);
  return std::get<AdminRequest>(std::move(asked));
}

// One that takes no parameters.
template <class Target>
Route bare_route(const Request& request, Target target) {
  const auto query = query_of(request, {});
  if (const auto* error = std::get_if<HttpError>(&query)) return *error;
  return target;
}

}  // namespace

bool is_open(const Route& route) {
  const auto* page = std::get_if<Address>(&route);
  return page != nullptr && resource(*page).access == Access::kAll;
}

Opens opens(const Request& request, const Route& route) {
  if (std::holds_alternative<EventStreamRequest>(route)) return Opens::kStream;
  const bool socket =
      std::holds_alternative<CommandSocket>(route) || std::holds_alternative<EchoSocket>(route);
  return socket && wants_upgrade(request) ? Opens::kSocket : Opens::kNothing;
}

std::optional<HttpError> read_subscribe_options(const QueryParameters& query, SubscribeOptions& options,
                                                const PaceBounds& bounds) {
  std::string_view max_rate;
  std::string_view conflate;
  for (const auto& [name, value] : query) {
    if (name == "events") {
      std::vector<std::string> types = split_list(value);
      for (const std::string& type : types) {
        if (!protocol::is_valid_type(type)) {
          return bad_request("BAD_EVENT", "events=: " + protocol::quote(type) +
                                              " is no event type; use 1 to 64 of A-Za-z0-9_.:-");
        }
      }
      if (!types.empty()) options.filter = TypeFilter::only(std::move(types));
    } else if (name == "heartbeat") {
      const auto seconds = parse_seconds(value);
      if (!seconds || *seconds > kMaxHeartbeatSeconds ||
          (*seconds != 0 && !(*seconds >= kMinHeartbeatSeconds))) {
        return bad_request("BAD_REQUEST",
                           "heartbeat=: " + protocol::quote(value) + " is not 0 or 0.1 to 3600 seconds");
      }
      options.heartbeat = std::chrono::milliseconds(static_cast<std::int64_t>(*seconds * 1000));
    } else if (name == "since") {
      if (auto error = read_since(value, options.since)) return error;
    } else if (name == "max_rate") {
      max_rate = value;
    } else if (name == "conflate") {
      conflate = value;
    }
  }
  const auto pace = parse_pace(max_rate, conflate, bounds);
  if (!pace) return bad_request("BAD_REQUEST", pace.error().message);
  options.pace = *pace;
  return std::nullopt;
}

Route route(const Request& request, const Addresses& addresses) {
  const auto [found, rest] = find_resource(request.path);
  const bool served = found != nullptr && (found->address != Address::kEcho || addresses.echo) &&
                      (found->address != Address::kConnection || !rest.empty());
  if (!served) {
    if (auto configured = endpoint_route(request, addresses)) return *std::move(configured);
    return not_found(request.path);
  }
  if (!found->takes(request.method)) return method_not_allowed(request, std::string(found->methods));
  switch (found->address) {
    case Address::kSocket:
    case Address::kSocketOf:
      return commands_route(request, rest, addresses);
    case Address::kEcho:
      return bare_route(request, EchoSocket{});
    case Address::kEvents:
    case Address::kEventsOf:
      return events_route(request, rest, addresses);
    case Address::kHistory:
      return history_route(request, rest);
    case Address::kPublish:
      return publish_route(request, rest);
    case Address::kChannels:
    case Address::kConnections:
    case Address::kConnection:
      return admin_route(request, found->address, rest);
    case Address::kFront:
    case Address::kStats:
    case Address::kMetrics:
    case Address::kHealth:
    case Address::kReady:
      break;
  }
  return bare_route(request, found->address);
}

}  // namespace wskit::server::http
