// Writes the records of the audit log.
//
// Nothing here ever holds a token: it is taken out of a request before anything
// else looks at it, and commands are told by what came of them.
//
// Threads: any.
#pragma once

#include <span>
#include <string_view>

#include "common/protocol/close_code.h"
#include "common/protocol/command.h"
#include "common/protocol/error.h"
#include "common/protocol/reply.h"
#include "wsserve/log/actor.h"

namespace wskit::server {

class AuditLog;

namespace audit {

// An actor did this at `time`, as the protocol writes it.

// A WebSocket or an event stream has begun. `kind`: "websocket", "echo", "events".
void connect(AuditLog& log, std::string_view time, const Actor& actor, std::string_view kind);
// 1006: it ended without a word.
void disconnect(AuditLog& log, std::string_view time, const Actor& actor, protocol::CloseCode code,
                std::string_view reason, const protocol::DeliveryCounters& counters);
// Somebody has shown a token by command.
void authenticate(AuditLog& log, std::string_view time, const Actor& actor);
void refuse(AuditLog& log, std::string_view time, const Actor& actor, const protocol::Error& error);
// A request that was answered with an error.
void refuse_request(AuditLog& log, std::string_view time, const Actor& actor, const RefusedRequest& request);
void subscribe(AuditLog& log, std::string_view time, const Actor& actor,
               std::span<const protocol::SubscribedChannel> channels);
void unsubscribe(AuditLog& log, std::string_view time, const Actor& actor,
                 std::span<const std::string_view> channels);
// As many `published` as events.
void publish(AuditLog& log, std::string_view time, const Actor& actor,
             std::span<const protocol::PublishEvent> events, std::span<const protocol::Published> published);
// What an administrator has asked for, of which connections: "disconnect", "user ann".
void administer(AuditLog& log, std::string_view time, const Actor& administrator, std::string_view action,
                std::string_view target);

// What happened to the server itself: "start", "reload", "drain", "stop". Does nothing
// where there is no log.
void serve(AuditLog* log, std::string_view action, std::string_view detail);

}  // namespace audit
}  // namespace wskit::server
