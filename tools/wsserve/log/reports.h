// What the server's log tells of a connection. Each function does nothing where there is
// no log.
//
// Threads: that of the connection's shard.
#pragma once

#include <string_view>

#include "common/protocol/close_code.h"
#include "common/protocol/command.h"
#include "common/protocol/error.h"
#include "wsserve/log/server_log.h"

namespace wskit::server {

class Connection;
class Shard;
namespace http {
struct Request;
struct Response;
}  // namespace http

namespace report {

// Trouble with one connection: its address, its user, and `what`.
void trouble(Shard& shard, const Connection& connection, Trouble kind, std::string_view what);

// A WebSocket or an event stream has begun. `kind`: "websocket", "echo", "events".
void connect(Shard& shard, const Connection& connection, std::string_view kind);
void disconnect(Shard& shard, const Connection& connection, protocol::CloseCode code,
                std::string_view reason);
// A command was refused.
void refuse(Shard& shard, const Connection& connection, const protocol::Error& error);
// A request was answered with an error.
void refuse_request(Shard& shard, const Connection& connection, const http::Request& request,
                    const http::Response& response);
// A command is about to be carried out.
void command(Shard& shard, const Connection& connection, const protocol::Command& command);

}  // namespace report
}  // namespace wskit::server
