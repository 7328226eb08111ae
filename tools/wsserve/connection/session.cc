#include "wsserve/connection/session.h"

#include <algorithm>
#include <random>

#include "common/protocol/reply.h"
#include "wsserve/connection/host.h"
#include "wsserve/connection/logs.h"
#include "wsserve/fanout/subscribe_options.h"

namespace wskit::server {

using protocol::CloseCode;

Session::Session(Connection& connection) : Peer(connection), heartbeat_(host().settings->heartbeat) {}

// --- The opening -----------------------------------------------------------------

std::optional<std::string> Session::enter() {
  set_open();
  host().counters.connections.add();
  if (!host().server.admit()) return "too many connections; come back later";
  return client().enter();
}

void Session::begin(const SubscribeOptions& options) {
  logs::connect(host(), client(), kind());
  note_connected();
  client().count_as_user();
  set_defaults(options.filter, options.pace);
  if (options.heartbeat) {
    const bool none = options.heartbeat->count() == 0;
    heartbeat_ = none ? *options.heartbeat : std::max(*options.heartbeat, host().settings->min_heartbeat);
  }
  // The first one at a random moment, so that connections that came together do
  // not beat together for ever.
  thread_local std::minstd_rand random(std::random_device{}());
  const auto interval = ping_interval();
  next_beat_ = host().now + interval / 2 +
               std::chrono::milliseconds(random() % static_cast<unsigned long>(interval.count() / 2 + 1));
}

// --- Answers that waited ---------------------------------------------------------

bool Session::on_settled(const SettledReply& settled) {
  std::string text;
  if (settled.lost() > 0) {
    host().counters.command_errors.add();
    const protocol::Error error = settled.not_stored();
    logs::refuse(host(), client(), error);
    protocol::append_reply(text, settled.id(), host().clock.timestamp(), protocol::refused(error));
  } else if (!settled.id().empty()) {
    settled.append_to(text);
  }
  if (!text.empty()) send_text(text);
  return is_open();
}

void Session::on_resumed() {
  std::string unread = connection().pending()->take_unread();
  // As little as if it were still in the socket: those who listen may be gone before
  // an event of it reaches them.
  if (!unread.empty() && !host().quiet) read_on(unread);
  if (connection().pending() == nullptr || connection().is_suspended()) return;
  connection().close_if_deferred();
  if (is_open()) connection().watch();
  connection().look_for_end();
}

// --- Time ------------------------------------------------------------------------

void Session::on_deadline() {
  if (!is_open()) return connection().abort();
  if (!close_if_unauthorized()) beat();
}

bool Session::close_if_unauthorized() {
  const auto why = client().why_unauthorized();
  if (!why) return false;
  host().counters.closed_unauthorized.add();
  close(CloseCode::kUnauthorized, *why);
  return true;
}

std::chrono::milliseconds Session::ping_interval() const {
  return heartbeat_.count() > 0 ? heartbeat_ : host().settings->heartbeat;
}

bool Session::is_beat_due() {
  if (host().now < next_beat_) return false;
  next_beat_ = host().now + ping_interval();
  return true;
}

void Session::schedule_beat() {
  if (!is_open()) return;
  connection().schedule(std::min({next_beat_, silent_from(), client().authorized_until()}));
}

// --- The end ---------------------------------------------------------------------

void Session::begin_close(CloseCode code, std::string_view reason) {
  if (!is_open() || connection().defer_close(code, reason)) return;
  // What this turn still holds for it was accepted before, and so was what waits
  // to be the newest.
  if (code == CloseCode::kSlowConsumer) {
    // The close frame overtakes what waits, and nothing may follow it.
    drop_rest();
  } else {
    hand_over_rest();
    if (!is_open()) return;
  }
  take_leave(code, reason);
}

void Session::take_leave(CloseCode code, std::string_view reason) {
  logs::disconnect(host(), client(), code, reason, counters());
  const std::size_t before = writer().outbound().bytes();
  queue_farewell(code, reason);
  set_closed();
  writer().finish_when_written();
  host().counters.dropped.add(forget_latest());
  leave();
  connection().schedule(host().now + host().settings->close_timeout);
  connection().read_to_the_end();
  writer().queue_changed(before);
}

void Session::on_drain(std::chrono::milliseconds come_back_after) {
  close(CloseCode::kGoingAway, "reconnect after " + std::to_string(come_back_after.count()) + " ms");
}

void Session::on_failure() {
  if (!is_open()) return connection().abort("the server failed");
  host().fanout.forget(*this);
  take_leave(CloseCode::kInternalError,
             "the server failed at this connection, and at no other; come back with since");
}

void Session::on_abort(std::string_view why) noexcept {
  if (is_open()) {
    host().guard("the audit log of a disconnection",
                 [&] { logs::disconnect(host(), client(), CloseCode::kAbnormal, why, counters()); });
    leave();
  }
  set_closed();
  host().counters.dropped.add(forget_latest());
}

void Session::leave() {
  host().server.leave();
  client().leave();
  left();
  host().counters.connections.subtract();
  host().fanout.forget(*this);
  give_up_recovery();
  host().agenda.after_turn(connection(), Due::kDropSubscriptions);
}

}  // namespace wskit::server
