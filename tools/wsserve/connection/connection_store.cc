// A connection that waits for the store: publishes until they are on disk, and
// commands whose answers lie there.
#include <fmt/format.h>

#include <algorithm>

#include "wsserve/connection/connection.h"
#include "wsserve/connection/host.h"
#include "wsserve/connection/logs.h"
#include "wsserve/http/request_reader.h"

namespace wskit::server {

using protocol::CloseCode;

namespace {

bool is_settled(const StoreWait::Reply& reply, broker::Ticket settled) {
  return std::ranges::all_of(reply.events, [&](const auto& event) { return event.ticket <= settled; });
}

protocol::Error not_stored(std::size_t lost, std::size_t events) {
  return {
      protocol::ErrorCode::kUnavailable,
      fmt::format("{} of {} events could not be stored and were not accepted; send them again later, with "
                  "the same dedup ids or sequences",
                  lost, events),
      fmt::format(R"({{"stored":{},"not_stored":{}}})", events - lost, lost)};
}

}  // namespace

StoreWait& Connection::store_wait() {
  if (store_wait_ == nullptr) store_wait_ = std::make_unique<StoreWait>();
  return *store_wait_;
}

// --- Publishes -----------------------------------------------------------------

void Connection::await(StoreWait::Reply reply) {
  if (phase_ == Phase::kHttp) suspend();
  if (phase_ != Phase::kOpen && phase_ != Phase::kHttp) return;
  auto& replies = store_wait().replies;
  if (replies.empty()) host_.agenda.after_turn(*this, Due::kSettle);
  replies.push_back(std::move(reply));
}

bool Connection::settle(const broker::Broker& broker) {
  if (store_wait_ == nullptr) return true;
  auto& replies = store_wait_->replies;
  const broker::Ticket settled = broker.settled();
  const bool is_request = phase_ == Phase::kHttp;
  while (!replies.empty() && is_settled(replies.front(), settled)) {
    const StoreWait::Reply reply = std::move(replies.front());
    replies.pop_front();
    send_reply(reply, broker);
    // Only one HTTP request waits at a time. What was sent behind it was carried out
    // with its answer, and may have opened a WebSocket; if it waits, it has registered
    // itself anew.
    if (is_request || phase_ != Phase::kOpen) return true;
  }
  if (!replies.empty()) return false;
  close_if_deferred();
  return true;
}

void Connection::send_reply(const StoreWait::Reply& reply, const broker::Broker& broker) {
  std::size_t lost = 0;
  std::size_t lost_first = 0;  // of which nobody says that they are another one's copy
  for (const StoreWait::Event& event : reply.events) {
    if (event.ticket != StoreWait::Event::kRefused && !broker.outcome(event.ticket).lost) continue;
    ++lost;
    if (!event.duplicate) ++lost_first;
  }
  host_.counters.published.take_back(lost_first);
  host_.counters.unavailable.add(lost);
  if (phase_ == Phase::kHttp) {
    return resume([&](Connection&) {
      if (lost > 0) return answer_http(not_stored(lost, reply.events.size()));
      answer_http(reply.text);
    });
  }
  if (lost == 0) {
    if (!reply.text.empty()) send_text(reply.text);
    return;
  }
  host_.counters.command_errors.add();
  std::string text;
  const protocol::Error error = not_stored(lost, reply.events.size());
  logs::refuse(host_, *this, error);
  protocol::append_error(text, reply.id, host_.clock.timestamp(), error);
  send_text(text);
}

// --- Answers -------------------------------------------------------------------

void Connection::suspend() {
  store_wait().suspended = true;
  watch();
}

void Connection::resume(const std::function<void(Connection&)>& answer) {
  store_wait_->suspended = false;
  answer(*this);
  if (store_wait_ == nullptr || store_wait_->suspended) return;
  last_heard_ = host_.now;
  if (phase_ == Phase::kHttp) {
    store_wait_.reset();
    watch();
    if (!finish_when_written_) serve_requests(http_->next());
    if (transport_.over()) take_end();
    return;
  }
  std::string unread = std::exchange(store_wait_->unread, {});
  // As little as if it were still in the socket: those who listen may be gone before
  // an event of it reaches them.
  if (!unread.empty() && !host_.quiet) read_frames(unread);
  if (store_wait_ == nullptr || is_suspended()) return;
  close_if_deferred();
  if (phase_ == Phase::kOpen) watch();
  if (transport_.over()) take_end();
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
  if (store_wait_ == nullptr || store_wait_->done() || code == CloseCode::kSlowConsumer) return false;
  if (store_wait_->close) return false;
  store_wait_->close = StoreWait::Close{code, std::string(reason)};
  watch();
  return true;
}

void Connection::close_if_deferred() {
  if (!store_wait_->done()) return;
  const auto wanted = std::move(store_wait_->close);
  store_wait_.reset();
  if (wanted) close(wanted->code, wanted->reason);
}

}  // namespace wskit::server
