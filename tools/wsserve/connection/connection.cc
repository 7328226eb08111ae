// The life of a connection and everything it writes; what it reads is in
// connection_read.cc.
#include "wsserve/connection/connection.h"

#include <algorithm>

#include "common/websocket/message_writer.h"
#include "wsserve/connection/host.h"
#include "wsserve/connection/logs.h"
#include "wsserve/http/response.h"

namespace wskit::server {

using protocol::CloseCode;

Connection::Connection(Host& host, OwnedFd socket, const PeerAddress& peer, std::uint64_t number,
                       StandingPtr standing)
    : host_(host),
      writer_(host, *this, std::move(socket)),
      client_(host, peer, number, std::move(standing)),
      heartbeat_(host.settings->heartbeat),
      last_heard_(host.now),
      http_(std::make_unique<http::RequestReader>(host.settings->http_limits)),
      reader_(websocket::Role::kServer, *host.message_limits) {}

Connection::~Connection() = default;

void Connection::start() {
  watched_ = EPOLLIN;
  awaits_tls_ = host_.settings->tls != nullptr && client_.address().ip().has_value();
  if (!host_.poller.add(writer_.transport().fd(), watched_, this)) return abort();
  host_.wheel.schedule(*this, host_.now + host_.settings->handshake_timeout);
}

protocol::DeliveryCounters Connection::counters() const {
  return {.delivered = delivered_,
          .merged = merged_,
          .filtered = filtered_,
          .dropped = dropped_,
          .queued_bytes = writer_.queued_bytes() + (latest_ == nullptr ? 0 : latest_->conflation.bytes())};
}

void Connection::on_ready(std::uint32_t events) noexcept {
  host_.guard(*this, "what a peer sent", [&] { take_readiness(events); });
}

void Connection::take_readiness(std::uint32_t events) {
  if (phase_ == Phase::kDead) return;
  if ((events & EPOLLOUT) != 0) {
    flush();
    if (latest_ != nullptr && phase_ == Phase::kOpen) drain_latest(host_.now);
  }
  if (phase_ == Phase::kDead) return;
  if ((events & EPOLLIN) != 0) {
    if (client_.awaited_header() != nullptr) return read_proxy_header();
    if (phase_ != Phase::kOpen || !host_.quiet) read();
  } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    abort();
  }
}

// --- Writing -------------------------------------------------------------

void Connection::send_text(std::string_view json) {
  if (phase_ != Phase::kOpen) return;
  ++record_.replies;
  if (stream_ != nullptr) return send_to_stream(json);
  writer_.queue([&](Outbound& queue) {
    websocket::append_frame(queue.replies(), websocket::Opcode::kText, json, nullptr);
  });
}

void Connection::deliver(const ChunkPtr& run, std::uint32_t events) {
  if (phase_ != Phase::kOpen) return;
  const Writer::Outcome outcome = writer_.write(run);
  if (outcome == Writer::Outcome::kLost) return;
  if (outcome == Writer::Outcome::kFull) return overflow(events);
  delivered_ += events;
  host_.counters.delivered.add(events);
}

void Connection::deliver_each(std::span<const ChunkPtr> frames) {
  if (stream_ != nullptr) return deliver_to_stream(frames);
  std::string run;
  std::string compressed;
  for (const ChunkPtr& frame : frames) {
    compressed.clear();
    deflater_->compress(frame->text(), compressed);
    websocket::append_frame(run, websocket::Opcode::kText, compressed, nullptr, true);
  }
  deliver(Chunk::copy_of(run), static_cast<std::uint32_t>(frames.size()));
}

void Connection::count_filtered(std::uint32_t events) {
  filtered_ += events;
  host_.counters.filtered.add(events);
}

void Connection::overflow(std::uint32_t events) {
  const std::uint64_t waited = counters().queued_bytes;
  const std::uint64_t waiting = forget_latest();
  dropped_ += waiting + events;
  host_.counters.dropped.add(waiting + events);
  host_.counters.closed_slow.add();
  close(CloseCode::kSlowConsumer,
        "slow consumer: " + std::to_string(waited) + " bytes waited; come back with since and read faster");
}

void Connection::flush() {
  if (phase_ != Phase::kDead) writer_.flush();
}

void Connection::flush_later() { host_.agenda.after_turn(*this, Due::kFlush); }

void Connection::lost(std::string_view why) noexcept { abort(why); }

void Connection::flushed(bool sent) {
  // All that is ever heard of the reader of a stream.
  if (sent && stream_ != nullptr) last_heard_ = host_.now;
  if (latest_ != nullptr && !writer_.is_blocked() && !latest_->conflation.empty()) {
    host_.wheel.schedule(*latest_, host_.now);
  }
  watch();
}

void Connection::watch() {
  const bool waiting = latest_ != nullptr && !latest_->conflation.empty();
  set_congested(writer_.is_blocked() || waiting);
  set_waiting(waiting);
  const bool waits = is_suspended() || will_close();
  const std::uint32_t wanted =
      (writer_.is_paused() || held_back_ || waits ? 0U : static_cast<std::uint32_t>(EPOLLIN)) |
      (writer_.is_blocked() ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
  if (wanted == watched_) return;
  watched_ = wanted;
  host_.poller.change(writer_.transport().fd(), wanted, this);
}

void Connection::hold_back() {
  if (held_back_ || phase_ != Phase::kOpen) return;
  host_.agenda.after_turn(*this, Due::kLetGoOn);
  held_back_ = true;
  host_.counters.held_back.add();
  watch();
}

void Connection::let_go_on() {
  held_back_ = false;
  last_heard_ = host_.now;
  if (phase_ != Phase::kDead) watch();
}

// --- Ending --------------------------------------------------------------

void Connection::close(CloseCode code, std::string_view reason) {
  if (phase_ != Phase::kOpen || defer_close(code, reason)) return;
  // What this turn still holds for it was accepted before, and so was what waits
  // to be the newest.
  if (code != CloseCode::kSlowConsumer) {
    host_.fanout.flush_now(*this);
    if (phase_ == Phase::kOpen && latest_ != nullptr) drain_latest(Clock::time_point::max());
    if (phase_ != Phase::kOpen) return;
  } else {
    // The close frame overtakes what waits, and nothing may follow it.
    const std::uint64_t queued = (stream_ == nullptr ? writer_.drop_unbegun() : writer_.drop_stream());
    delivered_ -= queued;
    host_.counters.delivered.take_back(queued);
    dropped_ += queued;
    host_.counters.dropped.add(queued);
  }
  take_leave(code, reason);
}

void Connection::take_leave(CloseCode code, std::string_view reason) {
  logs::disconnect(host_, client_, code, reason, counters());
  const std::size_t before = writer_.outbound().bytes();
  put_farewell(code, reason);
  phase_ = Phase::kClosing;
  writer_.finish_when_written();
  const std::uint64_t unsent = forget_latest();
  dropped_ += unsent;
  host_.counters.dropped.add(unsent);
  leave_service();
  host_.wheel.schedule(*this, host_.now + host_.settings->close_timeout);
  // From now on what it sends is read only to be thrown away, so that the
  // kernel does not answer it with a reset that would overtake the close frame.
  writer_.resume();
  held_back_ = false;
  pending_.reset();
  watch();
  writer_.queue_changed(before);
}

void Connection::fail() noexcept {
  try {
    tell_failure();
  } catch (...) {
    host_.caught("telling a peer that the server has failed");
    abort("the server failed");
  }
}

void Connection::tell_failure() {
  writer_.take_back_unfinished();
  if (phase_ == Phase::kOpen) {
    host_.fanout.forget(*this);
    return take_leave(CloseCode::kInternalError,
                      "the server failed at this connection, and at no other; come back with since");
  }
  if (phase_ != Phase::kHttp || !owes_answer_ || writer_.is_finishing()) return abort("the server failed");
  pending_.reset();
  const http::HttpError error{
      .status = 500,
      .code = "INTERNAL",
      .message = "the server failed at this request; whether it was carried out is not known",
      .headers = {}};
  send_http(http::error_response(error), false, http_->request().method == "HEAD");
  watch();
}

void Connection::delivery_failed() noexcept {
  if (phase_ == Phase::kOpen) host_.failed(*this, "the delivery of events");
}

void Connection::put_farewell(CloseCode code, std::string_view reason) {
  if (stream_ != nullptr)
    return stream_->append_farewell(writer_.outbound().replies(), code, reason, host_.clock.timestamp());
  std::string frame;
  websocket::append_close(frame, code, reason, nullptr);
  if (code == CloseCode::kSlowConsumer) {
    writer_.outbound().put_control(frame, Outbound::Control::kClose);
  } else {
    writer_.outbound().replies() += frame;
  }
}

void Connection::abort(std::string_view why) noexcept {
  if (phase_ == Phase::kDead) return;
  if (phase_ == Phase::kOpen) {
    host_.guard("the audit log of a disconnection",
                [&] { logs::disconnect(host_, client_, CloseCode::kAbnormal, why, counters()); });
    leave_service();
  }
  phase_ = Phase::kDead;
  host_.counters.dropped.add(forget_latest());
  writer_.abandon();
  pending_.reset();
  host_.wheel.cancel(*this);
  host_.poller.remove(writer_.transport().fd());
  host_.agenda.after_turn(*this, Due::kDestroy);
}

void Connection::leave_service() {
  host_.server.leave();
  client_.leave();
  if (service_ == Service::kCommands) {
    host_.server.people().leave(people::People::key(host_.index, number()));
  }
  host_.counters.connections.subtract();
  if (stream_ != nullptr) host_.counters.event_streams.subtract();
  host_.fanout.forget(*this);
  give_up_catch_up();
  host_.agenda.after_turn(*this, Due::kDropSubscriptions);
}

void Connection::drain(std::chrono::milliseconds come_back_after) {
  if (stream_ != nullptr) stream_->set_retry(come_back_after);
  if (phase_ == Phase::kOpen) {
    return close(CloseCode::kGoingAway, "reconnect after " + std::to_string(come_back_after.count()) + " ms");
  }
  if (phase_ != Phase::kHttp) return;
  // A request that is on its way has its time to end, and is the last one.
  if (http_->mid_request()) return;
  if (writer_.is_idle() && !is_suspended()) return abort();
  // The answers that wait, for the socket or for the store, are the last ones.
  writer_.finish_when_written();
}

void Connection::drop_subscriptions() noexcept {
  host_.counters.subscriptions.subtract(subscriptions_.size());
  for (std::unique_ptr<Subscription>& subscription : subscriptions_.take_all()) {
    host_.guard("telling that somebody has left",
                [&] { host_.commands.leaving(*this, subscription->name()); });
    host_.guard("taking back a subscription", [&] { host_.fanout.unsubscribe(std::move(subscription)); });
  }
}

// --- Time ----------------------------------------------------------------

std::chrono::milliseconds Connection::ping_interval() const {
  return heartbeat_.count() > 0 ? heartbeat_ : host_.settings->heartbeat;
}

void Connection::on_deadline() noexcept {
  host_.guard(*this, "the time of a connection", [this] { take_deadline(); });
}

void Connection::take_deadline() {
  switch (phase_) {
    case Phase::kHttp:
      return end_request_time();
    case Phase::kOpen:
      return beat();
    case Phase::kClosing:
      return abort();
    case Phase::kDead:
      return;
  }
}

void Connection::beat() {
  if (close_if_unauthorized()) return;
  if (stream_ != nullptr) return beat_stream();
  const auto now = host_.now;
  if (held_back_ || is_suspended()) last_heard_ = now;
  if (is_silent() && writer_.is_paused()) {
    // Not read because it does not read: its silence says nothing.
    host_.counters.closed_slow.add();
    return close(CloseCode::kSlowConsumer, "slow consumer: the answers to its commands are not read");
  }
  if (is_silent() && !writer_.transport().has_unread()) {
    host_.counters.closed_silent.add();
    return close(CloseCode::kHeartbeatTimeout, "nothing was heard for two heartbeats; come back with since");
  }
  if (now >= next_beat_) {
    next_beat_ = now + ping_interval();
    host_.agenda.after_turn(*this, Due::kPinged);
    if (json_heartbeats_) {
      std::string text;
      protocol::append_heartbeat(text, host_.clock.timestamp(), counters());
      send_text(text);
    }
    std::string ping;
    websocket::append_frame(ping, websocket::Opcode::kPing, {}, nullptr);
    writer_.queue([&](Outbound& queue) {
      // One waiting ping is enough for a peer that does not read.
      if (writer_.is_blocked()) {
        queue.put_control(ping, Outbound::Control::kPing);
      } else {
        queue.replies() += ping;
      }
    });
  }
  schedule_beat();
}

void Connection::was_pinged(Clock::time_point written) {
  if (unanswered_ping_ < last_heard_) unanswered_ping_ = written;
}

// By when a peer that says nothing more is silent: two intervals after it was heard,
// and one after it was asked. A server that stood still for longer (a suspended
// machine, a debugger) has asked nobody meanwhile.
Clock::time_point Connection::silent_from() const {
  if (unanswered_ping_ < last_heard_) return Clock::time_point::max();
  return std::max(last_heard_ + 2 * ping_interval(), unanswered_ping_ + ping_interval());
}

bool Connection::is_silent() const { return host_.now >= silent_from(); }

void Connection::schedule_beat() {
  if (phase_ != Phase::kOpen) return;
  host_.wheel.schedule(*this, std::min({next_beat_, silent_from(), client_.authorized_until()}));
}

}  // namespace wskit::server
