// What of a WebSocket waits for a token.
//
// Threads: one, the shard's.
#pragma once

#include <string>
#include <vector>

#include "common/protocol/position.h"
#include "wsserve/loop/timing_wheel.h"

namespace wskit::server {

// The subscriptions that a WebSocket opens with.
struct FirstSubscriptions {
  std::vector<std::string> channels;  // names and patterns, of its address
  // They are the server's: those that somebody may not subscribe are left out, and
  // nobody is told.
  bool defaults = false;
  protocol::Since since;
};

struct SignIn {
  Clock::time_point until;   // when it is closed with 4001
  FirstSubscriptions first;  // for when it is known who subscribes
};

}  // namespace wskit::server
