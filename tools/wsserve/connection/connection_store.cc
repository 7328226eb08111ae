// A connection that waits for the store: publishes until they are on disk, and
// commands whose answers lie there.
#include <fmt/format.h>

#include <utility>

#include "wsserve/connection/connection.h"
#include "wsserve/connection/host.h"
#include "wsserve/connection/logs.h"
#include "wsserve/http/request_reader.h"

namespace wskit::server {

using protocol::CloseCode;

PendingReplies& Connection::pending() {
  if (pending_ == nullptr) pending_ = std::make_unique<PendingReplies>();
  return *pending_;
}

// --- Publishes -----------------------------------------------------------------

void Connection::await(PublishedReply reply) {
  if (phase_ == Phase::kHttp) suspend();
  if (phase_ != Phase::kOpen && phase_ != Phase::kHttp) return;
  PendingReplies& waiting = pending();
  if (!waiting.has_replies()) host_.agenda.after_turn(*this, Due::kSettle);
  waiting.add(std::move(reply));
}

bool Connection::settle(const broker::Broker& broker) {
  if (pending_ == nullptr) return true;
  const broker::Ticket settled = broker.settled();
  const bool is_request = phase_ == Phase::kHttp;
  while (const auto reply = pending_->take_settled(settled)) {
    send_reply(*reply, broker);
    // Only one HTTP request waits at a time. What was sent behind it was carried out
    // with its answer, and may have opened a WebSocket; if it waits, it has registered
    // itself anew.
    if (is_request || phase_ != Phase::kOpen) return true;
  }
  if (pending_->has_replies()) return false;
  close_if_deferred();
  return true;
}

void Connection::send_reply(const PublishedReply& reply, const broker::Broker& broker) {
  const SettledReply settled(reply, [&broker](broker::Ticket ticket) { return broker.outcome(ticket); });
  host_.counters.published.take_back(settled.lost_first() + settled.late_duplicates());
  host_.counters.duplicates.add(settled.late_duplicates());
  host_.counters.unavailable.add(settled.lost());
  std::string text;
  if (phase_ == Phase::kHttp) {
    return resume([&](Connection&) {
      if (settled.lost() > 0) return answer_http(settled.not_stored());
      settled.append_data_to(text);
      text += '\n';
      answer_http(text);
    });
  }
  if (settled.lost() > 0) {
    host_.counters.command_errors.add();
    const protocol::Error error = settled.not_stored();
    logs::refuse(host_, client_, error);
    protocol::append_error(text, reply.id, host_.clock.timestamp(), error);
  } else if (!reply.id.empty()) {
    settled.append_to(text);
  } else {
    return;
  }
  send_text(text);
}

// --- Answers -------------------------------------------------------------------

void Connection::suspend() {
  pending().suspend();
  watch();
}

void Connection::resume(const std::function<void(Connection&)>& answer) {
  pending_->answered();
  answer(*this);
  if (pending_ == nullptr || pending_->is_suspended()) return;
  last_heard_ = host_.now;
  if (phase_ == Phase::kHttp) {
    pending_.reset();
    watch();
    if (!writer_.is_finishing()) serve_requests(http_->next());
    if (writer_.transport().over()) take_end();
    return;
  }
  std::string unread = pending_->take_unread();
  // As little as if it were still in the socket: those who listen may be gone before
  // an event of it reaches them.
  if (!unread.empty() && !host_.quiet) read_frames(unread);
  if (pending_ == nullptr || is_suspended()) return;
  close_if_deferred();
  if (phase_ == Phase::kOpen) watch();
  if (writer_.transport().over()) take_end();
}

void Connection::history_arrived(const Channel& channel, broker::Part part) {
  if (phase_ != Phase::kOpen || catch_up_ == nullptr) return;
  if (!part.error.empty()) {
    return close(CloseCode::kInternalError, "the store cannot be read: " + part.error.substr(0, 80));
  }
  const std::size_t before = catch_up_->ahead_bytes();
  const bool loses = catch_up_->arrived(channel, part.lost_up_to, std::move(part.frames));
  host_.counters.replay_bytes.add(catch_up_->ahead_bytes() - before);
  if (loses) tell_gap(channel, part.lost_up_to);
}

void Connection::tell_gap(const Channel& channel, std::uint64_t last) {
  // Behind the events that come before it.
  host_.fanout.flush_now(*this);
  say_gap(channel, last);
}

void Connection::channel_broke(const Channel& channel) { say_gap(channel, channel.broken_at()); }

void Connection::say_gap(const Channel& channel, std::uint64_t last) {
  if (phase_ != Phase::kOpen) return;
  std::string data = R"({"channel":)";
  protocol::append_json_string(data, channel.name());
  data += R"(,"epoch":)";
  protocol::append_json_string(data, channel.epoch());
  data += fmt::format(R"(,"offset":{},"oldest":{}}})", last, last + 1);
  std::string text;
  protocol::append_control(text, "gap", {}, host_.clock.timestamp(), data);
  send_text(text);
}

// --- Closing -------------------------------------------------------------------

// What was valid before the reason to close is answered first, unless nobody
// reads the answers. Wanted twice, the connection closes now.
bool Connection::defer_close(CloseCode code, std::string_view reason) {
  if (pending_ == nullptr || code == CloseCode::kSlowConsumer) return false;
  if (!pending_->defer(code, reason)) return false;
  watch();
  return true;
}

void Connection::close_if_deferred() {
  if (!pending_->done()) return;
  const auto wanted = pending_->take_close();
  pending_.reset();
  if (wanted) close(wanted->code, wanted->reason);
}

}  // namespace wskit::server
