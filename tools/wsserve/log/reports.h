// Writes the lines of the server's log that tell of a connection.
//
// Threads: any.
#pragma once

#include <string_view>

#include "common/protocol/close_code.h"
#include "common/protocol/command.h"
#include "common/protocol/error.h"
#include "common/protocol/reply.h"
#include "wsserve/log/actor.h"
#include "wsserve/log/server_log.h"

namespace wskit::server::report {

// Whether there is a line to tell: otherwise nobody has to make an Actor for it.
[[nodiscard]] bool tells(const ServerLog& log, protocol::CloseCode code);
[[nodiscard]] bool tells(const ServerLog& log, const protocol::Error& error);
[[nodiscard]] bool tells(const ServerLog& log, const RefusedRequest& request);

// Trouble with one connection: its address, its user, and `what`.
void trouble(ServerLog& log, const Actor& actor, Trouble kind, std::string_view what);

// A WebSocket or an event stream has begun. `kind`: "websocket", "echo", "events".
void connect(ServerLog& log, const Actor& actor, std::string_view kind);
void disconnect(ServerLog& log, const Actor& actor, protocol::CloseCode code, std::string_view reason,
                const protocol::DeliveryCounters& counters);
// A command was refused.
void refuse(ServerLog& log, const Actor& actor, const protocol::Error& error);
// A request was answered with an error.
void refuse_request(ServerLog& log, const Actor& actor, const RefusedRequest& request);
// A command is about to be carried out.
void command(ServerLog& log, const Actor& actor, const protocol::Command& command);

}  // namespace wskit::server::report
