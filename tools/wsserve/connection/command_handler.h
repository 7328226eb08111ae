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
class Exchange;
class Peer;
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
  virtual void welcome(Peer& peer, const FirstSubscriptions& first, std::chrono::milliseconds heartbeat,
                       std::size_t max_message_bytes) = 0;
  // Carries out one text message of a peer.
  virtual void run(Peer& peer, std::string_view text) = 0;
  // Refuses a message of a peer that is no command in any language.
  virtual void refuse_unread(Peer& peer, const protocol::Error& error) = 0;
  // Carries out a publish command that came as an HTTP request, and answers the request;
  // with an array if its events are lines.
  virtual void publish_over_http(Exchange& exchange, const http::PublishRequest& request) = 0;
  // Carries out what an administrator asks for by HTTP, if it is one.
  virtual void administer(Exchange& exchange, const http::AdminRequest& request) = 0;
  // Refuses a request for server-sent events, or begins the stream with what was missed.
  virtual void open_stream(Exchange& exchange, const http::EventStreamRequest& request) = 0;

  // The subscription of that name or pattern is about to end with its connection.
  virtual void leaving(const Peer& peer, std::string_view name) = 0;

  // Hands at most `limit` events and about `max_bytes` of the history to `then`: at once,
  // or after it suspended the connection that asks, when the store has answered.
  using Paged = std::function<void(const protocol::Result<HistoryPage>&)>;
  virtual void read_page(Connection& asking, Channel& channel, const protocol::Since& since,
                         std::size_t limit, std::size_t max_bytes, const Paged& then) = 0;
  // Has the events behind `after` up to `newest`, or the first of them, handed to the
  // peer's history_arrived(). Suspends nothing.
  virtual void read_on(Peer& peer, Channel& channel, std::uint64_t after, std::uint64_t newest,
                       std::size_t max_bytes) = 0;

 protected:
  ~CommandHandler() = default;
};

}  // namespace wskit::server
