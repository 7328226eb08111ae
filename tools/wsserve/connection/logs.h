// Tells the audit log and the server's log what a connection does. Each function does
// nothing where there is no log, and makes no text that no log wants.
//
// Threads: that of the connection's shard.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "common/protocol/close_code.h"
#include "common/protocol/command.h"
#include "common/protocol/control.h"
#include "common/protocol/error.h"

namespace wskit::server {

class Client;
struct Host;
enum class Trouble : std::uint8_t;
namespace http {
struct Request;
struct Response;
}  // namespace http

namespace logs {

// A WebSocket or an event stream has begun. `kind`: "websocket", "echo", "events".
void connect(Host& host, const Client& client, std::string_view kind);
// 1006: it ended without a word.
void disconnect(Host& host, const Client& client, protocol::CloseCode code, std::string_view reason,
                const protocol::DeliveryCounters& counters);
// A command is about to be carried out.
void command(Host& host, const Client& client, const protocol::Command& command);
// A command was refused.
void refuse(Host& host, const Client& client, const protocol::Error& error);
// A request was answered with an error.
void refuse_request(Host& host, const Client& client, const http::Request& request,
                    const http::Response& response);
// Trouble that no answer tells of.
void trouble(Host& host, const Client& client, Trouble kind, std::string_view what);

// Somebody has shown a token by command.
void authenticate(Host& host, const Client& client);
void subscribe(Host& host, const Client& client, std::span<const protocol::SubscribedChannel> channels);
void unsubscribe(Host& host, const Client& client, std::span<const std::string_view> channels);
// As many `published` as events.
void publish(Host& host, const Client& client, std::span<const protocol::PublishEvent> events,
             std::span<const protocol::Published> published);
// What an administrator has asked for, of which connections: "disconnect", "user ann".
void administer(Host& host, const Client& administrator, std::string_view action, std::string_view target);

}  // namespace logs
}  // namespace wskit::server
