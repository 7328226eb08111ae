// What goes into the audit log, and of whom comes, goes and is refused into the server's
// log too. Each function does nothing where there is none.
//
// Nothing here ever holds a token: it is taken out of a request before anything
// else looks at it, and commands are told by what came of them.
//
// Threads: that of the connection's shard.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/close_code.h"
#include "common/protocol/command.h"
#include "common/protocol/control.h"
#include "common/protocol/error.h"

namespace wskit::server {

class AuditLog;
class Connection;
class Shard;
namespace http {
struct Request;
struct Response;
}  // namespace http

namespace audit {

// A WebSocket or an event stream has begun. `kind`: "websocket", "echo", "events".
void connect(Shard& shard, const Connection& connection, std::string_view kind);
// 1006: it ended without a word.
void disconnect(Shard& shard, const Connection& connection, protocol::CloseCode code,
                std::string_view reason);
// Somebody has shown a token by command.
void authenticate(Shard& shard, const Connection& connection);
void refuse(Shard& shard, const Connection& connection, const protocol::Error& error);
// A request that was answered with an error.
void refuse_request(Shard& shard, const Connection& connection, const http::Request& request,
                    const http::Response& response);
void subscribe(Shard& shard, const Connection& connection,
               std::span<const protocol::SubscribedChannel> channels);
void unsubscribe(Shard& shard, const Connection& connection, std::span<const std::string_view> channels);
// As many `published` as events.
void publish(Shard& shard, const Connection& connection, std::span<const protocol::PublishEvent> events,
             std::span<const protocol::Published> published);
// What an administrator has asked for, of which connections: "disconnect", "user ann".
void administer(Shard& shard, const Connection& administrator, std::string_view action,
                std::string_view target);

// What happened to the server itself: "start", "reload", "drain", "stop". Any thread.
void serve(AuditLog* log, std::string_view action, std::string_view detail);

}  // namespace audit
}  // namespace wskit::server
