#include "wsserve/connection/pending_replies.h"

#include <utility>

namespace wskit::server {
std::optional<PublishedReply> PendingReplies::take_settled(broker::Ticket settled) {
  if (replies_.empty() || !replies_.front().is_settled(settled)) return std::nullopt;
  PublishedReply reply = std::move(replies_.front());
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

}  // namespace wskit::server
