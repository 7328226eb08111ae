// One socket from accept to close: it is read, begins with a PROXY header or TLS where that is
// configured, and ends whatever its service throws. The service does the rest.
//
// One way in (the constructor) and one way out (the shard destroys it between
// turns, after abort()). Threads: one, the shard's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "common/protocol/close_code.h"
#include "wsserve/connection/client.h"
#include "wsserve/connection/pending_replies.h"
#include "wsserve/connection/service.h"
#include "wsserve/connection/writer.h"
#include "wsserve/loop/poller.h"
#include "wsserve/loop/timing_wheel.h"

namespace wskit::server {

struct Host;
namespace broker {
class Broker;
}  // namespace broker

class Connection final : public Pollable, public TimingWheel::Entry, private Writer::Owner {
 public:
  // `socket`: a connected non-blocking stream socket.
  Connection(Host& host, OwnedFd socket, const PeerAddress& address, std::uint64_t number,
             AdmissionStatePtr admission_state);
  ~Connection() override;

  // Registers with the poller and starts the handshake's deadline.
  void start();

  [[nodiscard]] std::uint64_t number() const { return client_.number(); }
  [[nodiscard]] Host& host() const { return writer_.host(); }
  [[nodiscard]] Client& client() { return client_; }
  [[nodiscard]] const Client& client() const { return client_; }
  [[nodiscard]] Writer& writer() { return writer_; }
  // The WebSocket or event stream that it is; null: it serves requests.
  [[nodiscard]] Peer* peer() const { return service_->peer(); }

  // --- The service's

  // Puts another service in the place of this one, which lives until the turn's end.
  void become(std::unique_ptr<Service> next) noexcept;
  // Sets the time of the service's on_deadline().
  void schedule(Clock::time_point deadline);
  // When the client was heard last.
  [[nodiscard]] Clock::time_point last_heard() const { return last_heard_; }
  void heard();
  [[nodiscard]] std::uint64_t bytes_in() const { return bytes_in_; }
  // A publisher faster than a shard can fan out is not read until resume_reading().
  void pause_reading();
  [[nodiscard]] bool is_reading_paused() const { return reading_paused_; }
  // Reads on to throw away what comes, so that the kernel does not answer it with a reset that
  // would overtake a farewell. Nothing is awaited any more.
  void read_to_the_end();
  // Asks the poller for what the connection waits for.
  void watch() override;

  // --- Waiting for answers

  // Sends a reply to publishes once the store has settled it.
  void await(PublishedReply reply);
  // The answer to the command or request at hand comes later: nothing that was sent behind it
  // is carried out before resume().
  void suspend();
  // `answer` may suspend again. REQUIRES: is_suspended().
  void resume(const std::function<void()>& answer);
  [[nodiscard]] bool is_suspended() const { return pending_ != nullptr && pending_->is_suspended(); }
  // Whether something that it waits for has to be posted to its shard.
  [[nodiscard]] bool awaits_answer() const;
  // A close waits for the answers before it.
  [[nodiscard]] bool will_close() const { return pending_ != nullptr && pending_->will_close(); }
  // Keeps the reason to close until what came before it is answered, unless nobody reads the
  // answers. False: the close is for now.
  [[nodiscard]] bool defer_close(protocol::CloseCode code, std::string_view reason);
  void close_if_deferred();
  // Null: nothing is awaited.
  [[nodiscard]] PendingReplies* pending() { return pending_.get(); }
  void forget_pending() { pending_.reset(); }
  // Goes on with the end of what the client sends, where that came while an answer was awaited.
  void look_for_end();

  // --- The end

  // Begins the end of the service. What was accepted before is still written, but for a slow
  // consumer. Without effect if it has begun.
  void close(protocol::CloseCode code, std::string_view reason) { service_->begin_close(code, reason); }
  // Ends it now: the socket is closed at the end of the turn. `why`: for the audit log.
  // Takes no memory.
  void abort(std::string_view why = {}) noexcept;
  // Something was thrown in its turn: tells the client that the server has failed, with 500
  // if a request is still to be answered or 1011, and ends it. Nothing that came behind is
  // carried out, and no event is handed over any more, for one may be missing. Called while
  // the exception is handled.
  void fail() noexcept;
  // Destroyed at the end of the turn.
  [[nodiscard]] bool is_dead() const { return dead_; }

  // --- The shard's

  // Writes what waits, as far as the socket takes it. Called at the end of a turn in which
  // something was queued.
  void flush();
  // Called behind flush() of a turn that has sent a ping.
  void was_pinged(Clock::time_point written) { service_->on_pinged(written); }
  void resume_reading();
  // Sends the replies that the store has settled. True if none waits any more.
  [[nodiscard]] bool settle(const broker::Broker& broker);
  // The limits have changed.
  void apply_limits();
  // The server shuts down.
  void drain(std::chrono::milliseconds come_back_after);
  // Whether the peer has ended and has subscriptions, to be taken back between turns.
  [[nodiscard]] bool has_left() const;

 private:
  // Boundaries: nothing that is thrown passes them.
  void on_ready(std::uint32_t events) noexcept override;
  void on_deadline() noexcept override;
  void handle_readiness(std::uint32_t events);

  // Writer::Owner.
  void flush_later() override;
  void flushed(bool sent) override;
  [[nodiscard]] bool owes_answers() const override { return is_suspended(); }
  void lost(std::string_view why) noexcept override { abort(why); }

  void read();
  void handle_bytes(std::span<char> bytes);
  // Nothing more will be read.
  void handle_end();
  void read_proxy_header();
  void read_tls();
  [[nodiscard]] ssize_t begin_tls(std::span<char> buffer);
  void fail_tls();
  PendingReplies& make_pending();

  // What each delivery looks at comes first and together.
  Writer writer_;
  std::unique_ptr<Service> service_;         // never null
  std::unique_ptr<Service> previous_;        // of this turn; null: none
  std::unique_ptr<PendingReplies> pending_;  // null: nothing is awaited
  Client client_;
  Clock::time_point last_heard_;
  std::uint64_t bytes_in_ = 0;
  std::uint32_t watched_ = 0;
  bool awaits_tls_ = false;  // nothing was read yet, and it is to be TLS
  bool reading_paused_ = false;
  bool dead_ = false;
};

}  // namespace wskit::server
