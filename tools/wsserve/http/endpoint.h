// An address that existing front ends know, and the channels that it stands for:
//
//     path = "/api/ws/stream/live-trading"    channels = ["live-trading/{symbols}"]
//
// A variable is the path's, or else a parameter of the query, which lists values
// by commas: one channel a value.
//
// Threads: immutable values.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/protocol/channel_template.h"
#include "common/protocol/error.h"
#include "wsserve/http/path_template.h"
#include "wsserve/http/request_reader.h"
#include "wsserve/http/uri.h"

namespace wskit::server::http {

struct Endpoint {
  PathTemplate path;
  std::vector<protocol::ChannelTemplate> channels;
  // For parameters that a request leaves out, those of every upgrade included.
  std::map<std::string, std::string, std::less<>> defaults;

  // The query with the defaults in it.
  [[nodiscard]] QueryParameters complete(QueryParameters query) const;

  // How many parameters of a request have no meaning here. Existing front ends send
  // what their former server knew, so they are passed over and counted.
  [[nodiscard]] std::size_t count_unknown(const QueryParameters& query) const;

  // The names and patterns that a request stands for, each once, at most
  // `max_channels`; else a refusal that names the parameter. REQUIRES: `values`
  // from path.match(), `query` from complete().
  [[nodiscard]] std::variant<std::vector<std::string>, HttpError> resolve(
      const std::vector<std::string>& values, const QueryParameters& query, std::size_t max_channels) const;

  // The values for each place of a channel.
  using Choices = std::vector<std::vector<std::string>>;
  [[nodiscard]] std::variant<Choices, HttpError> choices_for(const protocol::ChannelTemplate& channel,
                                                             const std::vector<std::string>& values,
                                                             const QueryParameters& query) const;
};

// Whether the template can be a channel of an endpoint: its places are variables,
// and it makes a name or pattern outside of the server's space.
[[nodiscard]] protocol::Result<protocol::ChannelTemplate> parse_endpoint_channel(std::string_view text);

// The parameters that every upgrade may have in its query, besides `token`.
inline constexpr std::array<std::string_view, 5> kUpgradeParameters{"conflate", "events", "heartbeat",
                                                                    "max_rate", "since"};

// Whether the parameter is one of every upgrade (`since`, `events`, …), so that no
// variable may be called so.
[[nodiscard]] bool is_upgrade_parameter(std::string_view name);

// Why the address cannot be an endpoint's: one of the server's own is there, or
// might be; empty: it can.
[[nodiscard]] std::string taken_by_server(const PathTemplate& path);

}  // namespace wskit::server::http
