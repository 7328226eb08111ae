// One socket from accept to close: an HTTP request or two, then usually a
// WebSocket or a stream of server-sent events.
//
// It reads frames and hands commands to the command runner, answers pings,
// writes what it is given without ever blocking, and decides what happens to a
// peer that breaks a rule, falls silent or does not read.
//
// One way in (the constructor) and one way out (the shard destroys it between
// turns, after abort()). Threads: one, the shard's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/close_code.h"
#include "common/protocol/control.h"
#include "common/protocol/position.h"
#include "common/websocket/deflate.h"
#include "common/websocket/message_reader.h"
#include "wsserve/connection/catch_up.h"
#include "wsserve/connection/client.h"
#include "wsserve/connection/conflation.h"
#include "wsserve/connection/event_stream.h"
#include "wsserve/connection/pending_replies.h"
#include "wsserve/connection/subscriptions.h"
#include "wsserve/connection/writer.h"
#include "wsserve/fanout/subscriber.h"
#include "wsserve/fanout/subscription.h"
#include "wsserve/http/request_reader.h"
#include "wsserve/limits/admission.h"
#include "wsserve/loop/poller.h"
#include "wsserve/loop/timing_wheel.h"
#include "wsserve/presence/record.h"

namespace wskit::server {

struct Host;
struct SubscribeOptions;
namespace broker {
class Broker;
struct Part;
}  // namespace broker
namespace http {
struct EventStreamRequest;
struct HistoryRequest;
struct Response;
}  // namespace http

class Connection final : public Pollable,
                         public Subscriber,
                         public TimingWheel::Entry,
                         private Writer::Owner {
 public:
  // `socket`: a connected non-blocking stream socket.
  Connection(Host& host, OwnedFd socket, const PeerAddress& peer, std::uint64_t number, StandingPtr standing);
  ~Connection();

  // Registers with the poller and starts the handshake's deadline.
  void start();

  // Frames one text message and sends it at the end of the turn; on an event stream
  // it is an event named by its type, such as @subscribed.
  void send_text(std::string_view json);

  // Begins the closing handshake. What was accepted before is still written,
  // but for a slow consumer. Without effect if the connection is closing.
  void close(protocol::CloseCode code, std::string_view reason);

  // The server shuts down: closes a WebSocket with 1001 and ends an event stream,
  // both to come back after that time; lets go of an idle HTTP connection.
  void drain(std::chrono::milliseconds come_back_after);

  // Ends it now: the socket is closed at the end of the turn. `why`: for the audit log.
  // Takes no memory.
  void abort(std::string_view why = {}) noexcept;

  // Something was thrown in its turn: tells the peer that the server has failed, with 500
  // if a request is still to be answered or 1011, and ends it. Nothing that came behind is
  // carried out, and no event is handed over any more, for one may be missing. Called while
  // the exception is handled.
  void fail() noexcept;

  // Writes what waits, as far as the socket takes it. Called by the shard at the
  // end of a turn in which send_text() was.
  void flush();
  // A ping of this turn went out at `written`: called by the shard behind flush().
  void was_pinged(Clock::time_point written);

  // Reads on in the history that the connection catches up with, until the
  // socket has no more room or a turn's share is used up. Called right behind the
  // answer to a subscription, for the history does not wait, and by the shard once
  // a turn; true if it wants to be called again on the next one.
  bool catch_up();

  // A publisher faster than a shard can fan out: it is not read until the shard
  // calls let_go_on().
  void hold_back();
  void let_go_on();

  // A reply to a publish command or request, sent once the store has settled it;
  // the requests behind it wait.
  void await(PublishedReply reply);
  // Answers the request at hand: with 200 and a line of JSON, or with the refusal.
  void answer_http(const protocol::Result<std::string>& body);
  // Answers the request at hand with a stream of server-sent events. False if there
  // are too many connections; then it has ended.
  [[nodiscard]] bool begin_stream(const http::EventStreamRequest& request);
  // Where a stream's reader stands on a channel, before its first event.
  void begin_position(std::string_view channel, std::string_view epoch, std::uint64_t offset);
  // What was said of the channels comes first, then their events.
  void positions_are_known();

  // Sends the replies that the store has settled. Called by the shard; true if
  // none waits any more.
  [[nodiscard]] bool settle(const broker::Broker& broker);

  // The answer to the command or request at hand comes from the store: nothing
  // that was sent behind it is carried out before resume().
  void suspend();
  // `answer` may suspend again. REQUIRES: is_suspended().
  void resume(const std::function<void(Connection&)>& answer);
  [[nodiscard]] bool is_suspended() const { return pending_ != nullptr && pending_->is_suspended(); }
  // Whether something that it waits for has to be posted to its shard.
  [[nodiscard]] bool awaits_answer() const {
    return is_suspended() || (catch_up_ != nullptr && catch_up_->asks());
  }

  // The answer to what catch_up() asked the store for.
  void history_arrived(const Channel& channel, broker::Part part);

  // Behind an error of Client::over_rate(): closes the connection if it does not listen.
  void close_if_insisting();
  // Counts for limits that the server did not have when it came.
  void take_up_limits();

  // Takes back all subscriptions. Called by the shard between turns once the
  // connection is closing.
  void drop_subscriptions() noexcept;
  // Whether that is still to be done.
  [[nodiscard]] bool has_left() const {
    return (phase_ == Phase::kClosing || phase_ == Phase::kDead) && !subscriptions_.empty();
  }

  [[nodiscard]] std::uint64_t number() const { return client_.number(); }
  [[nodiscard]] Client& client() { return client_; }
  [[nodiscard]] const Client& client() const { return client_; }
  [[nodiscard]] Writer& writer() { return writer_; }
  // A token was shown. `first`: the subscriptions that waited for it, if it was awaited.
  // False: that user has too many connections, and this one is closed, maybe once the
  // store has answered.
  [[nodiscard]] bool take_identity(auth::IdentityPtr identity, std::optional<FirstSubscriptions>& first);
  // One was shown that is not right: too many, and the connection is closed.
  void count_refused_token();
  [[nodiscard]] protocol::DeliveryCounters counters() const;
  // An event of that channel of the server's space, for those who have not
  // subscribed it. Only to a WebSocket of commands whose user is known.
  void take_announcement(std::string_view channel, const ChunkPtr& frame);
  // For administrators, as JSON. REQUIRES: is_open().
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] const TypeFilterPtr& default_filter() const { return default_filter_; }
  [[nodiscard]] const Pace& default_pace() const { return default_pace_; }
  // Whether the socket takes more of the history, and some can be read.
  [[nodiscard]] bool can_read_history() const { return !writer_.is_blocked() && !catch_up_->waits(); }
  [[nodiscard]] bool is_open() const { return phase_ == Phase::kOpen; }
  // Destroyed at the end of the turn.
  [[nodiscard]] bool is_dead() const { return phase_ == Phase::kDead; }

  // By name or pattern; changed by the command runner only.
  Subscriptions& subscriptions() { return subscriptions_; }
  [[nodiscard]] const Subscriptions& subscriptions() const { return subscriptions_; }

  // The events of `channel` behind `after` come out of the history before live
  // ones do; `first` are the first of them.
  void begin_catch_up(Channel& channel, std::uint64_t after, std::vector<ChunkPtr> first);
  // REQUIRES: is_catching_up(channel). The newest subscription wants, of what is
  // replayed, what is behind `after`.
  void join_catch_up(const Channel& channel, std::uint64_t after);
  // Whether so many more patterns can take part in the replays that run without more
  // of them to keep in mind than is good.
  [[nodiscard]] bool may_join_catch_ups(std::size_t patterns) const;
  // The same for all replays of channels that it is for: it wants what comes from now on.
  void join_catch_ups();
  void forget_subscription(const Subscription& subscription);
  // Subscriptions were taken back: stops reading histories that nobody wants.
  void subscriptions_left();
  // Whether one of its subscriptions is for that channel.
  [[nodiscard]] bool hears(std::string_view channel) const;
  [[nodiscard]] bool selects(const Channel& channel) const;
  [[nodiscard]] bool is_catching_up(const Channel& channel) const;
  // Whether the replay that runs brings every event behind `after`, of any type.
  // REQUIRES: is_catching_up(channel).
  [[nodiscard]] bool still_brings(const Channel& channel, std::uint64_t after) const;
  // How much of one more channel's history may be read ahead.
  [[nodiscard]] std::size_t head_start_bytes() const;

  // Subscriber.
  void deliver(const ChunkPtr& run, std::uint32_t events) override;
  void deliver_each(std::span<const ChunkPtr> frames) override;
  void deliver_latest(const Channel& channel, const ChunkPtr& frame, Clock::duration interval) override;
  void settle() override;
  void deliver_waiting(const Channel& channel) override;
  void channel_broke(const Channel& channel) override;
  void count_filtered(std::uint32_t events) override;
  void delivery_failed() noexcept override;

  // What it was told, and what its reader keeps to.
  [[nodiscard]] std::size_t max_message_bytes() const { return reader_.limits().max_message_bytes; }

 private:
  enum class Phase : std::uint8_t { kHttp, kOpen, kClosing, kDead };
  // Events of which only the newest waits, and when the next one may go.
  struct LatestQueue final : TimingWheel::Entry {
    explicit LatestQueue(Connection& connection) : owner(connection) {}
    void on_deadline() noexcept override;
    Connection& owner;
    Conflation conflation;
  };
  enum class Service : std::uint8_t { kCommands, kEcho, kEvents };

  // Boundaries: nothing that is thrown passes them.
  void on_ready(std::uint32_t events) noexcept override;
  void on_deadline() noexcept override;
  void take_readiness(std::uint32_t events);
  void take_deadline();

  // Writer::Owner.
  void flush_later() override;
  void watch() override;
  void flushed(bool sent) override;
  [[nodiscard]] bool owes_answers() const override { return is_suspended(); }
  void lost(std::string_view why) noexcept override;

  // Reading.
  void read();
  void take(std::span<char> bytes);
  // Nothing more will be read.
  void take_end();
  void read_http(std::string_view bytes);
  void serve_requests(http::RequestReader::Status status);
  // Where the client waits for that: tells it to send the body of its request.
  void ask_for_body();
  void answer_history(const http::HistoryRequest& request, bool keep_alive, bool head);
  void handle_request(http::Request& request);
  void open_websocket(http::Request& request);
  void agree_on_deflate(const websocket::DeflateParameters& parameters);
  void begin_service(Service service, const std::vector<std::string>& channels,
                     const SubscribeOptions& options);
  void read_frames(std::span<char> bytes);
  void handle_message(const websocket::MessageReader::Item& item);
  void echo(const websocket::MessageReader::Item& item);
  void answer_ping(std::span<const char> payload);

  // TLS: connection_tls.cc.
  void read_tls();
  [[nodiscard]] ssize_t begin_tls(std::span<char> buffer);
  void fail_tls();
  void refuse_plain_http();
  void refuse_tls_hello();
  // Limits.
  void read_proxy_header();
  // True: the request was answered, for it may not be served now.
  // WebSockets and streams are told in their own words that there are too many.
  [[nodiscard]] bool turn_away(const http::Request& request, http::Opens opens);
  // Bytes of a request have come: the time for it begins, if it is a further one.
  void begin_request();
  // The time for a request, or for its answer to be taken, or between two is over.
  void end_request_time();

  // Waiting for the store.
  PendingReplies& pending();
  // Once the store has answered.
  [[nodiscard]] bool will_close() const { return pending_ != nullptr && pending_->will_close(); }
  [[nodiscard]] bool defer_close(protocol::CloseCode code, std::string_view reason);
  void close_if_deferred();
  // The events up to `last` cannot be had: what follows them comes next.
  void tell_gap(const Channel& channel, std::uint64_t last);
  // The same, where what the turn still holds was handed over.
  void say_gap(const Channel& channel, std::uint64_t last);
  void send_reply(const PublishedReply& reply, const broker::Broker& broker);

  // Pages.
  [[nodiscard]] std::optional<http::HttpError> page_problem(const http::Request& request) const;
  void answer_options(const http::HttpError* refusal, const http::Request& request);
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> page_headers() const;

  // Writing.
  void send_http(const http::Response& response, bool keep_alive, bool head);
  void refuse_http(const http::HttpError& error);
  // The reader's error.
  void refuse_unreadable();
  void put_farewell(protocol::CloseCode code, std::string_view reason);
  // Behind what waits already, and nothing follows it. REQUIRES: it is open.
  void take_leave(protocol::CloseCode code, std::string_view reason);
  void tell_failure();
  void overflow(std::uint32_t events);

  void drain_latest(Clock::time_point now);
  // What waits is given up; how many events that were.
  std::uint64_t forget_latest();
  std::uint64_t no_longer_waits(const Conflation::Forgotten& forgotten);
  void give_up_catch_up();
  void hand_over_history(const Channel& channel, std::vector<ChunkPtr>& frames);

  // Server-sent events.
  void open_stream(http::EventStreamRequest& request, bool head);
  void deliver_to_stream(std::span<const ChunkPtr> frames);
  void send_to_stream(std::string_view json);
  void say_position();
  [[nodiscard]] bool can_say_position() const;
  [[nodiscard]] bool waits_to_be_merged() const;
  void beat_stream();

  void beat();
  void schedule_beat();
  // True: it is closed now.
  bool close_if_unauthorized();
  void leave_service();
  [[nodiscard]] std::chrono::milliseconds ping_interval() const;
  [[nodiscard]] Clock::time_point silent_from() const;
  [[nodiscard]] bool is_silent() const;

  // What each delivery looks at comes first and together.
  Host& host_;
  Writer writer_;
  Phase phase_ = Phase::kHttp;
  Service service_ = Service::kCommands;
  bool awaits_tls_ = false;   // nothing was read yet, and it is to be TLS
  bool answered_ = false;     // a request: the connection may wait for another one
  bool owes_answer_ = false;  // bytes of a request have come that nothing was said to yet
  bool held_back_ = false;    // not read: it publishes faster than a shard can fan out
  bool json_heartbeats_ = true;
  std::uint32_t watched_ = 0;
  std::uint64_t delivered_ = 0;
  people::Record record_;

  Client client_;
  std::chrono::milliseconds heartbeat_;
  Clock::time_point last_heard_;
  Clock::time_point unanswered_ping_{};  // the first since last_heard_; older: there is none
  Clock::time_point next_beat_{};

  std::unique_ptr<http::RequestReader> http_;  // until the upgrade
  websocket::MessageReader reader_;
  std::unique_ptr<websocket::Deflater> deflater_;  // of a WebSocket with WireForm::kOwn only
  std::unique_ptr<EventStream> stream_;            // Service::kEvents only

  Subscriptions subscriptions_;
  std::unique_ptr<LatestQueue> latest_;      // null: no event ever had to wait for a newer one
  std::unique_ptr<CatchUp> catch_up_;        // null: live on every channel
  std::unique_ptr<PendingReplies> pending_;  // null: nothing waits for the store
  TypeFilterPtr default_filter_;
  Pace default_pace_;
  std::uint64_t merged_ = 0;
  std::uint64_t filtered_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace wskit::server
