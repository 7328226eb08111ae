// The life of a connection and everything it writes; what it reads is in
// connection_read.cc.
#include "wsserve/connection/connection.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/websocket/message_writer.h"
#include "wsserve/connection/host.h"
#include "wsserve/connection/logs.h"
#include "wsserve/http/response.h"

namespace wskit::server {

using protocol::CloseCode;

Connection::Connection(Host& host, OwnedFd socket, const PeerAddress& peer, std::uint64_t number,
                       StandingPtr standing)
    : host_(host),
      transport_(std::move(socket)),
      client_(host, peer, number, std::move(standing)),
      heartbeat_(host.settings->heartbeat),
      last_heard_(host.now),
      http_(std::make_unique<http::RequestReader>(host.settings->http_limits)),
      reader_(websocket::Role::kServer, *host.message_limits) {}

Connection::~Connection() = default;

void Connection::start() {
  watched_ = EPOLLIN;
  awaits_tls_ = host_.settings->tls != nullptr && client_.address().ip().has_value();
  if (!host_.poller.add(transport_.fd(), watched_, this)) return abort();
  host_.wheel.schedule(*this, host_.now + host_.settings->handshake_timeout);
}

protocol::DeliveryCounters Connection::counters() const {
  return {.delivered = delivered_,
          .merged = merged_,
          .filtered = filtered_,
          .dropped = dropped_,
          .queued_bytes = (outbound_ == nullptr ? 0 : outbound_->bytes()) +
                          (latest_ == nullptr ? 0 : latest_->conflation.bytes())};
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

Outbound& Connection::outbound() {
  if (outbound_ == nullptr) outbound_ = host_.outbounds.take();
  return *outbound_;
}

void Connection::send_text(std::string_view json) {
  if (phase_ != Phase::kOpen) return;
  ++record_.replies;
  if (stream_ != nullptr) return send_to_stream(json);
  Outbound& queue = outbound();
  const std::size_t before = queue.bytes();
  websocket::append_frame(queue.replies(), websocket::Opcode::kText, json, nullptr);
  queue_changed(before);
}

// Everything that adds to the queue ends here: it is written at the end of the
// turn, or once the socket has room; a peer that does not take its answers is
// not read until it has.
void Connection::queue_changed(std::size_t bytes_before) {
  outbound_->finish_reply();
  host_.counters.queued_bytes.add(outbound_->bytes() - bytes_before);
  if (outbound_->reply_bytes() > host_.settings->queue_limit_bytes && blocked_ && !paused_) {
    paused_ = true;
    watch();
  }
  if (!blocked_ && !marked_dirty_) {
    host_.agenda.after_turn(*this, Due::kFlush);
    marked_dirty_ = true;
  }
}

void Connection::deliver(const ChunkPtr& run, std::uint32_t events) {
  if (phase_ != Phase::kOpen) return;
  if (outbound_ == nullptr) {
    if (!write_directly(run)) return;
  } else {
    if (would_overflow(run->size())) return overflow(events);
    const std::size_t before = outbound_->bytes();
    outbound_->append_events(run);
    host_.counters.queued_bytes.add(outbound_->bytes() - before);
    if (!blocked_) flush();
  }
  delivered_ += events;
  host_.counters.delivered.add(events);
}

// The common case: nothing waits, so the run goes to the socket without passing
// through a queue. False if the connection is lost.
bool Connection::write_directly(const ChunkPtr& run) {
  const ssize_t sent = transport_.send(run->data(), run->size());
  if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
    abort();
    return false;
  }
  const std::size_t written = sent < 0 ? 0 : static_cast<std::size_t>(sent);
  host_.counters.bytes_out.add(written);
  record_.bytes_out += written;
  if (written == run->size() && transport_.drained()) return true;
  if (written < run->size()) {
    try {
      outbound().append_events(run, written);
    } catch (...) {
      // Nothing can follow half a frame.
      if (written > 0) abort("the server failed");
      throw;
    }
    host_.counters.queued_bytes.add(outbound_->bytes());
  }
  blocked_ = true;
  watch();
  return true;
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

// A peer that keeps up has an empty queue and may get a run of any size.
bool Connection::would_overflow(std::size_t bytes) const {
  return blocked_ && outbound_->bytes() + bytes > host_.settings->queue_limit_bytes;
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

// How many events that were.
std::uint64_t Connection::drop_queue() {
  // Without a queue it is the newest events of too many keys that wait.
  if (outbound_ == nullptr) return 0;
  const std::size_t before = outbound_->bytes();
  const std::uint64_t events = stream_ == nullptr ? outbound_->drop_unbegun() : outbound_->drop_stream();
  host_.counters.queued_bytes.subtract(before - outbound_->bytes());
  return events;
}

void Connection::flush() {
  marked_dirty_ = false;
  if (phase_ == Phase::kDead || (outbound_ == nullptr && transport_.drained())) return;
  if (outbound_ == nullptr && !transport_.push()) return abort();
  std::array<iovec, 64> slices;
  blocked_ = false;
  while (outbound_ != nullptr && !outbound_->empty()) {
    const ssize_t sent = transport_.send({slices.data(), outbound_->gather(slices)});
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      blocked_ = true;
      break;
    }
    if (sent < 0) return abort();
    outbound_->sent(static_cast<std::size_t>(sent));
    // All that is ever heard of the reader of a stream.
    if (stream_ != nullptr) last_heard_ = host_.now;
    host_.counters.bytes_out.add(static_cast<std::size_t>(sent));
    record_.bytes_out += static_cast<std::size_t>(sent);
    host_.counters.queued_bytes.subtract(static_cast<std::size_t>(sent));
  }
  if (outbound_ != nullptr) {
    if (paused_ && outbound_->reply_bytes() <= host_.settings->queue_limit_bytes / 2) paused_ = false;
    if (outbound_->empty()) host_.outbounds.give_back(std::move(outbound_));
  }
  // The last answer may still lie in the store.
  const bool finished = outbound_ == nullptr && finish_when_written_ && !is_suspended();
  if (finished && !shut_) shut_ = transport_.shut();
  // Nor will a peer that has taken its leave say that it has gone.
  if (shut_ && transport_.over()) return abort();
  blocked_ = blocked_ || !transport_.drained();
  if (latest_ != nullptr && !blocked_ && !latest_->conflation.empty()) {
    host_.wheel.schedule(*latest_, host_.now);
  }
  watch();
}

bool Connection::takes_answers() {
  const std::size_t limit = host_.settings->queue_limit_bytes;
  if (outbound_ != nullptr && outbound_->reply_bytes() > limit) flush();
  return outbound_ == nullptr || outbound_->reply_bytes() <= limit;
}

void Connection::watch() {
  const bool waiting = latest_ != nullptr && !latest_->conflation.empty();
  set_congested(blocked_ || waiting);
  set_waiting(waiting);
  const bool waits = is_suspended() || will_close();
  const std::uint32_t wanted = (paused_ || held_back_ || waits ? 0U : static_cast<std::uint32_t>(EPOLLIN)) |
                               (blocked_ ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
  if (wanted == watched_) return;
  watched_ = wanted;
  host_.poller.change(transport_.fd(), wanted, this);
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
    const std::uint64_t queued = drop_queue();
    delivered_ -= queued;
    host_.counters.delivered.take_back(queued);
    dropped_ += queued;
    host_.counters.dropped.add(queued);
  }
  take_leave(code, reason);
}

void Connection::take_leave(CloseCode code, std::string_view reason) {
  logs::disconnect(host_, client_, code, reason, counters());
  const std::size_t before = outbound().bytes();
  put_farewell(code, reason);
  phase_ = Phase::kClosing;
  finish_when_written_ = true;
  const std::uint64_t unsent = forget_latest();
  dropped_ += unsent;
  host_.counters.dropped.add(unsent);
  leave_service();
  host_.wheel.schedule(*this, host_.now + host_.settings->close_timeout);
  // From now on what it sends is read only to be thrown away, so that the
  // kernel does not answer it with a reset that would overtake the close frame.
  paused_ = false;
  held_back_ = false;
  store_wait_.reset();
  watch();
  queue_changed(before);
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
  if (outbound_ != nullptr) outbound_->take_back_unfinished();
  if (phase_ == Phase::kOpen) {
    host_.fanout.forget(*this);
    return take_leave(CloseCode::kInternalError,
                      "the server failed at this connection, and at no other; come back with since");
  }
  if (phase_ != Phase::kHttp || !owes_answer_ || finish_when_written_) return abort("the server failed");
  store_wait_.reset();
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
    return stream_->append_farewell(outbound().replies(), code, reason, host_.clock.timestamp());
  std::string frame;
  websocket::append_close(frame, code, reason, nullptr);
  if (code == CloseCode::kSlowConsumer) {
    outbound().put_control(frame, Outbound::Control::kClose);
  } else {
    outbound().replies() += frame;
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
  if (outbound_ != nullptr) {
    outbound_->take_back_unfinished();
    host_.counters.queued_bytes.subtract(outbound_->bytes());
    outbound_.reset();
  }
  store_wait_.reset();
  host_.wheel.cancel(*this);
  host_.poller.remove(transport_.fd());
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
  if (outbound_ == nullptr && transport_.drained() && !is_suspended()) return abort();
  // The answers that wait, for the socket or for the store, are the last ones.
  finish_when_written_ = true;
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
  if (is_silent() && paused_) {
    // Not read because it does not read: its silence says nothing.
    host_.counters.closed_slow.add();
    return close(CloseCode::kSlowConsumer, "slow consumer: the answers to its commands are not read");
  }
  if (is_silent() && !transport_.has_unread()) {
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
    Outbound& queue = outbound();
    const std::size_t before = queue.bytes();
    // One waiting ping is enough for a peer that does not read.
    if (blocked_) {
      queue.put_control(ping, Outbound::Control::kPing);
    } else {
      queue.replies() += ping;
    }
    queue_changed(before);
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
