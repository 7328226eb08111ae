// Holds what a connection has to wait for: replies to its publishes until the store has settled
// them, what it sent behind a command whose answer is not there yet, and the close that comes
// behind all of that.
//
// Knows no socket. Threads: one, the shard's.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/protocol/close_code.h"
#include "common/protocol/error.h"
#include "wsserve/broker/broker.h"

namespace wskit::server {

class PendingReplies {
 public:
  // An event that somebody published.
  struct Event {
    // The store did not take it. Behind all others of its command.
    static constexpr broker::Ticket kRefused = 0;

    broker::Ticket ticket = kRefused;
    bool duplicate = false;  // the ticket is that of the first one, or of one behind it
  };
  // The reply to one publish command or request.
  struct Reply {
    std::vector<Event> events;
    std::string id;    // of the command; empty: no reply is wanted but to a failure
    std::string text;  // for when all are on disk
  };
  // Of the events of a reply, those that are not on disk.
  struct Lost {
    std::size_t all = 0;
    std::size_t first = 0;  // of which nobody says that they are another one's copy
  };
  struct Close {
    protocol::CloseCode code;
    std::string reason;
  };

  // --- Replies

  // In the order of their commands.
  void add(Reply reply) { replies_.push_back(std::move(reply)); }
  [[nodiscard]] bool has_replies() const { return !replies_.empty(); }
  // The oldest reply, if the store has settled all of its events; `settled`: the newest
  // ticket that it has settled.
  [[nodiscard]] std::optional<Reply> take_settled(broker::Ticket settled);

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
  std::deque<Reply> replies_;
  std::string unread_;
  std::optional<Close> close_;
  bool suspended_ = false;
};

// Counts what the store has lost. `failed`: of a settled ticket, whether its event was not stored.
template <class Failed>
[[nodiscard]] PendingReplies::Lost count_lost(const PendingReplies::Reply& reply, const Failed& failed) {
  PendingReplies::Lost lost;
  for (const PendingReplies::Event& event : reply.events) {
    if (event.ticket != PendingReplies::Event::kRefused && !failed(event.ticket)) continue;
    ++lost.all;
    if (!event.duplicate) ++lost.first;
  }
  return lost;
}

// What the publisher of `events` events is told, of which so many are lost.
[[nodiscard]] protocol::Error not_stored(std::size_t lost, std::size_t events);

}  // namespace wskit::server
