// Which endpoint a request is for (docs/protocol.md, "Endpoints").
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "common/protocol/position.h"
#include "wsserve/fanout/pace.h"
#include "wsserve/fanout/subscribe_options.h"
#include "wsserve/http/admin_request.h"
#include "wsserve/http/endpoint.h"
#include "wsserve/http/request_reader.h"
#include "wsserve/http/resources.h"
#include "wsserve/http/uri.h"

namespace wskit::server::http {

// A WebSocket of commands, already subscribed to some channels.
struct CommandSocket {
  std::vector<std::string> channels;
  SubscribeOptions options;
  std::size_t unknown_parameters = 0;  // that were passed over
};
struct EchoSocket {};

// GET /events/<channel or pattern>
struct EventStreamRequest {
  std::vector<std::string> channels;
  SubscribeOptions options;
  bool named = false;  // events have their type as the name, for listeners of one type
};

// GET /history/<channel>
struct HistoryRequest {
  std::string path;  // as it was asked for
  std::string channel;
  protocol::Since since = protocol::FromStart{};
  std::size_t limit = 0;
  bool lines = false;  // NDJSON was asked for
};

// POST /publish/<channel>
struct PublishTarget {
  std::string channel;
};

// An Address alone is a page.
using Route = std::variant<HttpError, Address, HistoryRequest, PublishTarget, CommandSocket, EchoSocket,
                           EventStreamRequest, AdminRequest>;

// The part of the configuration that is about addresses; refers to it.
struct Addresses {
  std::span<const Endpoint> endpoints;
  std::span<const std::string> default_channels;  // of an address that names no channel
  std::size_t max_channels = 0;                   // that an endpoint's address may name
  PaceBounds pace;
  bool echo = false;  // there is /echo
};

// The path is looked up first (404), then the method (405), then the query.
[[nodiscard]] Route route(const Request& request, const Addresses& addresses);

// Whether it is served to everybody, whoever they are.
[[nodiscard]] bool is_open(const Route& route);

// The session that a request asks for beyond its answer.
[[nodiscard]] Opens opens(const Request& request, const Route& route);

// Fills in what the query of an upgrade asks for; an error names the parameter.
[[nodiscard]] std::optional<HttpError> read_subscribe_options(const QueryParameters& query,
                                                              SubscribeOptions& options,
                                                              const PaceBounds& bounds = {});

}  // namespace wskit::server::http
