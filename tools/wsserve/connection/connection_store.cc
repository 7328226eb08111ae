// A connection that waits for the store: publishes until they are on disk, and
// commands whose answers lie there.
#include <fmt/format.h>

#include <algorithm>

#include "wsserve/connection/connection.h"
#include "wsserve/http/request_reader.h"
#include "wsserve/shard.h"

namespace wskit::server {

using protocol::CloseCode;

StoreWait& Connection::store_wait() {
  if (store_wait_ == nullptr) store_wait_ = std::make_unique<StoreWait>();
  return *store_wait_;
}

// --- Publishes -----------------------------------------------------------------

void Connection::await(StoreWait::Reply reply) {
  if (phase_ != Phase::kOpen) return;
  auto& replies = store_wait().replies;
  if (replies.empty()) shard_.await_store(*this);
  replies.push_back(std::move(reply));
}

bool Connection::settle(const store::Store& store) {
  if (store_wait_ == nullptr) return true;
  auto& replies = store_wait_->replies;
  const store::Ticket settled = store.settled();
  while (!replies.empty() && std::ranges::max(replies.front().tickets) <= settled) {
    const StoreWait::Reply reply = std::move(replies.front());
    replies.pop_front();
    const auto stored =
        static_cast<std::size_t>(std::ranges::count_if(reply.tickets, [&](store::Ticket ticket) {
          return ticket != StoreWait::kRefused && !store.failed(ticket);
        }));
    if (stored < reply.tickets.size()) {
      report_unstored(reply, stored);
    } else if (!reply.text.empty()) {
      send_text(reply.text);
    }
  }
  if (!replies.empty()) return false;
  close_if_deferred();
  return true;
}

void Connection::report_unstored(const StoreWait::Reply& reply, std::size_t stored) {
  const std::size_t lost = reply.tickets.size() - stored;
  shard_.counters().published.subtract(lost);
  shard_.counters().unavailable.add(lost);
  shard_.counters().command_errors.add();
  std::string text;
  protocol::append_error(text, reply.id, shard_.timestamp(),
                         {protocol::ErrorCode::kUnavailable,
                          fmt::format("{} of {} events could not be stored and were not accepted; send them "
                                      "again later, with the same dedup ids",
                                      lost, reply.tickets.size()),
                          fmt::format(R"({{"stored":{},"not_stored":{}}})", stored, lost)});
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
  last_heard_ = shard_.now();
  if (phase_ == Phase::kHttp) {
    store_wait_.reset();
    watch();
    if (finish_when_written_) return;
    const auto status = http_->next();
    if (status == http::RequestReader::Status::kError) return refuse_http(http_->error());
    if (status == http::RequestReader::Status::kRequest) serve_requests();
    return;
  }
  while (store_wait_ != nullptr && !store_wait_->suspended && !store_wait_->commands.empty()) {
    const std::string command = std::move(store_wait_->commands.front());
    store_wait_->commands.pop_front();
    shard_.commands().run(*this, command);
  }
  if (store_wait_ == nullptr || is_suspended()) return;
  close_if_deferred();
  if (phase_ == Phase::kOpen) watch();
}

void Connection::history_arrived(const Channel& channel, std::vector<ChunkPtr> frames,
                                 const std::string& error) {
  if (phase_ != Phase::kOpen || catch_up_ == nullptr) return;
  if (!error.empty()) {
    return close(CloseCode::kInternalError, "the store cannot be read: " + error.substr(0, 80));
  }
  catch_up_->arrived(channel, std::move(frames));
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
