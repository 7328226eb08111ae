// A connection knows no command: it hands commands and requests to this interface, which
// the room command/ implements.
//
// Threads: one, the shard's. No method is called per delivered event.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "common/protocol/error.h"
#include "common/protocol/position.h"
#include "wsserve/channel/history_page.h"

namespace wskit::server {

class Channel;
class Connection;
struct FirstSubscriptions;
namespace http {
struct AdminRequest;
struct EventStreamRequest;
struct PublishRequest;
}  // namespace http

class CommandHandler {
 public:
  // A WebSocket has opened: greets it, and subscribes it unless its token is still
  // awaited.
  virtual void welcome(Connection& connection, const FirstSubscriptions& first,
                       std::chrono::milliseconds heartbeat) = 0;
  // Carries out one text message of a connection.
  virtual void run(Connection& connection, std::string_view text) = 0;
  // Carries out a publish command that came as an HTTP request, and answers the request;
  // with an array if its events are lines.
  virtual void publish_over_http(Connection& connection, const http::PublishRequest& request) = 0;
  // Carries out what an administrator asks for by HTTP, if it is one.
  virtual void administer(Connection& connection, const http::AdminRequest& request) = 0;
  // Refuses a request for server-sent events, or begins the stream with what was missed.
  virtual void open_stream(Connection& connection, const http::EventStreamRequest& request) = 0;

  // The subscription of that name or pattern is about to end with its connection.
  virtual void leaving(const Connection& connection, std::string_view name) = 0;

  // Hands at most `limit` events and about `max_bytes` of the history to `then`: at once,
  // or after it suspended the connection, when the store has answered.
  using Paged = std::function<void(Connection&, const protocol::Result<HistoryPage>&)>;
  virtual void read_page(Connection& connection, Channel& channel, const protocol::Since& since,
                         std::size_t limit, std::size_t max_bytes, const Paged& then) = 0;
  // Has the events behind `after` up to `newest`, or the first of them, handed to the
  // connection's history_arrived(). Suspends nothing.
  virtual void read_on(Connection& connection, Channel& channel, std::uint64_t after, std::uint64_t newest,
                       std::size_t max_bytes) = 0;

 protected:
  ~CommandHandler() = default;
};

}  // namespace wskit::server
