// What of a connection waits for the store: replies to its publishes, until the
// events are on disk, and what was sent behind a command whose answer the store has.
//
// Threads: one, the shard's.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/protocol/close_code.h"
#include "wsserve/broker/broker.h"

namespace wskit::server {

struct StoreWait {
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
  struct Close {
    protocol::CloseCode code;
    std::string reason;
  };

  std::deque<Reply> replies;  // in the order of their commands
  bool suspended = false;     // a command's answer is awaited
  // Sent behind that command, to be read after it: frames as they came, which may
  // inflate to a thousand times as much. No more than one read of the socket brought,
  // for a suspended connection is not read.
  std::string unread;
  // Wanted since: carried out once everything before it is answered.
  std::optional<Close> close;

  [[nodiscard]] bool done() const { return replies.empty() && !suspended && unread.empty(); }
};

}  // namespace wskit::server
