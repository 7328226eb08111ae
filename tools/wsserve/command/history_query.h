// Questions about the past that the memory alone may not answer. Where the store
// is needed, the connection that asks is suspended and the answer comes back on
// its shard's thread; where it is not, the answer comes at once.
//
// A connection that is gone or closing by then hears nothing. Threads: one, the
// shard's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/protocol/error.h"
#include "common/protocol/position.h"
#include "wsserve/channel/history_page.h"

namespace wskit::server {

class Channel;
struct CommandHost;
class Connection;
class Peer;

class HistoryQuery {
 public:
  explicit HistoryQuery(CommandHost& host) : host_(host) {}

  // `since`, with positions in the place of times that lie beyond the channels'
  // memory.
  using Located = std::function<void(const protocol::Result<protocol::Since>&)>;
  void locate(Connection& connection, const std::vector<Channel*>& channels, const protocol::Since& since,
              const Located& then);

  // At most `limit` events and about `max_bytes`.
  using Paged = std::function<void(const protocol::Result<HistoryPage>&)>;
  void page(Connection& connection, Channel& channel, const protocol::Since& since, std::size_t limit,
            std::size_t max_bytes, const Paged& then);

  // Has the events behind `after` up to `newest`, or the first of them, handed to
  // the peer's history_arrived(). Suspends nothing.
  void read_on(Peer& peer, Channel& channel, std::uint64_t after, std::uint64_t newest,
               std::size_t max_bytes);

 private:
  struct Locating;
  struct Reading;

  // Runs `then` on the shard's thread for the connection of that number, if it
  // still waits, and lets it go on.
  void come_back(std::uint64_t connection, std::function<void()> then);
  // For the store's reader: hands on what arrived, or has those end who wait for it.
  template <class Arrived>
  auto or_lost(Arrived arrived);
  void read_page(Connection& connection, Channel& channel, const protocol::Since& since, std::size_t limit,
                 std::size_t max_bytes, const Paged& then);

  void read_stored(Connection& connection, Channel& channel, std::uint64_t after,
                   const std::shared_ptr<Reading>& reading, const Paged& then);

  CommandHost& host_;
};

}  // namespace wskit::server
