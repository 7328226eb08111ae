// `survey` asks every shard a question and brings the answers together to the connection
// that asked, which waits meanwhile.
//
// Threads: the shard's of the connection that asks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "wsserve/cluster/bus.h"

namespace wskit::server {

struct CommandHost;
class Connection;

namespace people {

// `asking` is suspended, and `then` called for it on its shard's thread, behind
// everything that each shard had to do when it was asked; not at all if it is gone
// by then.
void survey(CommandHost& host, Connection& asking, const cluster::Question& question,
            std::function<void(const cluster::Answer&)> then);

// `[a,b,…]` of the first `limit` entries, or of those that `max_bytes` hold; of the first
// in any case.
[[nodiscard]] std::string as_array(const cluster::Answer& answer, std::size_t limit,
                                   std::size_t max_bytes = SIZE_MAX);

}  // namespace people
}  // namespace wskit::server
