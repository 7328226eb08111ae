// GET /channels, GET /connections, DELETE /connections: what an administrator
// asks for.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/protocol/channel.h"
#include "wsserve/http/request_reader.h"
#include "wsserve/http/resources.h"

namespace wskit::server::http {

struct AdminRequest {
  enum class Action : std::uint8_t { kListChannels, kListConnections, kShowConnection, kDisconnect };

  Action action = Action::kListConnections;
  std::string connection;                    // the id; empty: not asked for
  std::optional<std::string> user;           // whose connections
  std::optional<std::string> channel;        // who hears it
  std::optional<protocol::Pattern> pattern;  // which channels
  std::size_t limit = 1'000;

  // "listing channels", for a refusal.
  [[nodiscard]] std::string what() const;
  // "connection n-0-1, user ann": which connections it is about.
  [[nodiscard]] std::string target() const;
};

// The request for one of these addresses, or its refusal. `rest`: the connection's id as it is
// in the path.
[[nodiscard]] std::variant<AdminRequest, HttpError> admin_request(const Request& request, Address address,
                                                                  std::string_view rest);

}  // namespace wskit::server::http
