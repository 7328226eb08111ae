// A WebSocket connection to one server that comes back by itself.
//
// The client connects, upgrades, hands over messages, gathers what is sent into
// few writes, answers pings, watches for silence, and reconnects with backoff.
// What is said on the connection (subscribing, publishing, resuming where it
// broke) is its handler's.
//
// Threads: one; every call and every callback happens on the io_context's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/client/client_options.h"
#include "common/client/failure.h"

namespace wskit::client {

class Client;

// What the server said in `connected`, its first message.
struct Hello {
  std::string connection;  // the server's name for this connection
  std::string server;
  std::chrono::nanoseconds heartbeat{};  // 0: none promised
  std::uint64_t max_message_bytes = 0;   // 0: not said
};

struct ClientStatistics {
  std::uint64_t connections = 0;  // opened, the first one included
  std::uint64_t messages_received = 0;
  std::uint64_t bytes_received = 0;  // of messages, inflated
  std::uint64_t messages_sent = 0;
  std::uint64_t bytes_sent = 0;  // handed to the kernel, headers included
};

// The order of calls: on_open, then on_message and on_batch_end, then
// on_disconnect and so on again; on_end once, last. Each may call the client;
// none may destroy it, except on_end.
class ClientHandler {
 public:
  virtual ~ClientHandler() = default;

  // A connection is open. What is sent from here goes out before anything else:
  // subscriptions with their `since`, the unacknowledged window again.
  virtual void on_open() = 0;

  // One text message, valid UTF-8, with MessageReader::kPadding readable bytes
  // after it; valid until the call returns. The server's `connected` comes too,
  // and Client::hello() knows it by then.
  virtual void on_message(std::string_view text) = 0;

  // All messages of one read have been handed over: the moment to flush.
  virtual void on_batch_end() {}

  // pending_bytes() has fallen to the low-water mark after having been above it.
  virtual void on_writable() {}

  // The token's file holds another one, and the server has taken it; or it has
  // not, and the old one holds as long as it does. Messages hold no token.
  virtual void on_token_renewed() {}
  virtual void on_token_trouble(std::string_view /*message*/) {}

  // The connection is gone, or could not be made; the next attempt begins after
  // `retry_in`. Messages sent and not written are dropped: the handler knows
  // what was not answered. `was_open`: an on_open had been called for it.
  virtual void on_disconnect(const Failure& why, std::chrono::nanoseconds retry_in, bool was_open) = 0;

  // It is over: closed as asked (kNone), refused, not reachable, or lost with
  // the retries used up.
  virtual void on_end(const Failure& why) = 0;
};

class Client {
 public:
  // `handler` must outlive the client.
  Client(boost::asio::io_context& io, ClientOptions options, ClientHandler& handler);
  // Drops the connection without a word; no callback follows.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Begins the first attempt. REQUIRES: called once.
  void start();

  // Queues one text message; everything queued in one turn of the loop leaves
  // in one write. Copied, framed and masked at once. Without effect while no
  // connection is open. REQUIRES: valid UTF-8.
  void send(std::string_view text);

  // Queued and not yet taken by the kernel. Above ClientOptions::low_water_bytes
  // a polite sender waits for on_writable.
  [[nodiscard]] std::size_t pending_bytes() const;

  // Stops taking messages off the socket, so that the server feels that the
  // consumer is slow. The rest of the current read is still handed over.
  void pause_reading();
  void resume_reading();

  // What is queued leaves, then the close handshake; then on_end(kNone). From
  // any state; safe to call twice. Reading goes on until the server's close
  // frame, and messages that come before it are handed over.
  void close(protocol::CloseCode code = protocol::CloseCode::kNormal, std::string_view reason = {});

  // Gives the current connection up, as if it had been lost, and goes on with
  // the reconnect policy.
  void reconnect(std::string_view reason);

  // Makes the attempt that on_disconnect() told at once; without effect while none
  // is waited for.
  void retry_now();

  // Tells that the connection was of use: an event came that was not there before, or
  // an acknowledgement. See RetryPlan::progressed().
  void progressed();

  [[nodiscard]] bool is_open() const;
  [[nodiscard]] const Hello& hello() const;
  [[nodiscard]] const ClientStatistics& statistics() const;
  [[nodiscard]] const ClientOptions& options() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace wskit::client
