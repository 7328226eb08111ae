#include "wsserve/command/connection_list.h"

#include "common/protocol/close_code.h"
#include "wsserve/command/command_host.h"
#include "wsserve/connection/connection.h"
#include "wsserve/connection/peer.h"

namespace wskit::server::people {
namespace {

bool passes(const cluster::ConnectionFilter& filter, const Peer& peer) {
  return (filter.connection.empty() || peer.client().id() == filter.connection) &&
         (!filter.user || peer.client().identity().user == *filter.user) &&
         (!filter.channel || peer.hears(*filter.channel));
}

// The open peer of the connection if the filter names it, or null.
const Peer* named_peer(const cluster::ConnectionFilter& filter, const Connection& connection) {
  const Peer* peer = connection.peer();
  return peer != nullptr && peer->is_open() && passes(filter, *peer) ? peer : nullptr;
}

}  // namespace

cluster::Answer list_connections(const CommandHost& host, const cluster::ListConnections& question) {
  cluster::Answer answer;
  std::size_t bytes = 0;
  for (const auto& [number, connection] : host.connections) {
    const Peer* peer = named_peer(question.which, *connection);
    if (peer == nullptr) continue;
    if (answer.entries.size() < question.limit && bytes <= question.max_bytes) {
      answer.entries.push_back(peer->describe());
      bytes += answer.entries.back().size();
    }
    ++answer.count;
  }
  return answer;
}

cluster::Answer disconnect(CommandHost& host, const cluster::Disconnect& question) {
  std::vector<Connection*> found;
  for (const auto& [number, connection] : host.connections) {
    if (named_peer(question.which, *connection) != nullptr) found.push_back(connection);
  }
  for (Connection* connection : found) {
    host.guard(*connection, "an administrator's disconnecting", [&] {
      host.counters.closed_by_administrator.add();
      connection->close(protocol::CloseCode::kDisconnectedByAdministrator,
                        "disconnected by an administrator");
    });
  }
  return {.entries = {}, .count = found.size()};
}

}  // namespace wskit::server::people
