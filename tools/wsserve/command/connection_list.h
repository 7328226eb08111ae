// What one shard does with the questions about its connections: it lists or disconnects
// those that a filter names.
//
// Threads: the shard's.
#pragma once

#include "wsserve/cluster/bus.h"

namespace wskit::server {

struct CommandHost;

namespace people {

[[nodiscard]] cluster::Answer list_connections(const CommandHost& host,
                                               const cluster::ListConnections& question);

[[nodiscard]] cluster::Answer disconnect(CommandHost& host, const cluster::Disconnect& question);

}  // namespace people
}  // namespace wskit::server
