#include "wsserve/connection/pending_replies.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace wskit::server {
namespace {

bool is_settled(const PendingReplies::Reply& reply, broker::Ticket settled) {
  return std::ranges::all_of(reply.events, [&](const auto& event) { return event.ticket <= settled; });
}

}  // namespace

std::optional<PendingReplies::Reply> PendingReplies::take_settled(broker::Ticket settled) {
  if (replies_.empty() || !is_settled(replies_.front(), settled)) return std::nullopt;
  Reply reply = std::move(replies_.front());
  replies_.pop_front();
  return reply;
}

std::string PendingReplies::take_unread() { return std::exchange(unread_, {}); }

bool PendingReplies::defer(protocol::CloseCode code, std::string_view reason) {
  if (done() || close_) return false;
  close_ = Close{code, std::string(reason)};
  return true;
}

std::optional<PendingReplies::Close> PendingReplies::take_close() {
  return std::exchange(close_, std::nullopt);
}

protocol::Error not_stored(std::size_t lost, std::size_t events) {
  return {
      protocol::ErrorCode::kUnavailable,
      fmt::format("{} of {} events could not be stored and were not accepted; send them again later, with "
                  "the same dedup ids or sequences",
                  lost, events),
      fmt::format(R"({{"stored":{},"not_stored":{}}})", events - lost, lost)};
}

}  // namespace wskit::server
