// What one shard answers to the question who hears a channel.
//
// Threads: the shard's.
#pragma once

#include "wsserve/cluster/bus.h"

namespace wskit::server {

struct CommandHost;

namespace people {

[[nodiscard]] cluster::Answer list_present(const CommandHost& host, const cluster::ListPresent& question);

}  // namespace people
}  // namespace wskit::server
