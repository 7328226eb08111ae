// What one shard answers to the question how many subscriptions channels have.
//
// Threads: the shard's.
#pragma once

#include "wsserve/cluster/bus.h"

namespace wskit::server {

struct CommandHost;

namespace people {

[[nodiscard]] cluster::Answer count_subscriptions(const CommandHost& host,
                                                  const cluster::CountSubscriptions& question);

}  // namespace people
}  // namespace wskit::server
