// `CommandHost` adds to `Host` all that commands need of their shard besides: its other
// connections, and a way back from other threads.
//
// Threads: one, the shard's; any may post to `inbox`.
#pragma once

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>

#include "wsserve/broker/broker.h"
#include "wsserve/connection/host.h"
#include "wsserve/loop/inbox.h"

namespace wskit::server {

namespace people {
class PresenceReporter;
}  // namespace people

// All sockets by their number, whatever their phase.
using ConnectionTable = boost::unordered_flat_map<std::uint64_t, Connection*>;

struct CommandHost : Host {
  Inbox& inbox;
  const ConnectionTable& connections;
  people::PresenceReporter& presence;
  // The newest event of this shard that the broker has not settled yet.
  broker::Ticket newest_ticket = 0;

  // The connection of that number, or null.
  [[nodiscard]] Connection* find(std::uint64_t number) const {
    const auto found = connections.find(number);
    return found == connections.end() ? nullptr : found->second;
  }
  // An event of this shard waits to be settled.
  void on_the_way(broker::Ticket ticket) { newest_ticket = std::max(newest_ticket, ticket); }
};

}  // namespace wskit::server
