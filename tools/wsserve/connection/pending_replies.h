// Holds what a connection has to wait for: replies to its publishes until the broker has settled
// them, what it sent behind a command whose answer is not there yet, and the close that comes
// behind all of that.
//
// Knows no socket. Threads: one, the shard's.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/protocol/close_code.h"
#include "wsserve/connection/published_reply.h"

namespace wskit::server {

class PendingReplies {
 public:
  struct Close {
    protocol::CloseCode code;
    std::string reason;
  };

  // --- Replies

  // In the order of their commands.
  void add(PublishedReply reply) { replies_.push_back(std::move(reply)); }
  [[nodiscard]] bool has_replies() const { return !replies_.empty(); }
  // The oldest reply, if the broker has settled all of its events; `settled`: the newest
  // ticket that it has settled.
  [[nodiscard]] std::optional<PublishedReply> take_settled(broker::Ticket settled);

  // --- Answers

  // The answer to the command at hand is awaited: what was sent behind it waits.
  void suspend() { suspended_ = true; }
  void answered() { suspended_ = false; }
  [[nodiscard]] bool is_suspended() const { return suspended_; }
  // Keeps what was sent behind that command, to be read after its answer: frames as they
  // came, which may inflate to a thousand times as much. No more than one read of the socket
  // brought, for a suspended connection is not read.
  void keep_unread(std::span<const char> bytes) { unread_.assign(bytes.begin(), bytes.end()); }
  [[nodiscard]] std::string take_unread();

  // --- The close

  // Keeps the reason to close until everything before it is answered. False: nothing is
  // waited for, or it is the second reason, and the connection closes now.
  [[nodiscard]] bool defer(protocol::CloseCode code, std::string_view reason);
  [[nodiscard]] bool will_close() const { return close_.has_value(); }
  [[nodiscard]] std::optional<Close> take_close();

  // Nothing is waited for any more.
  [[nodiscard]] bool done() const { return replies_.empty() && !suspended_ && unread_.empty(); }

 private:
  std::deque<PublishedReply> replies_;
  std::string unread_;
  std::optional<Close> close_;
  bool suspended_ = false;
};

}  // namespace wskit::server
