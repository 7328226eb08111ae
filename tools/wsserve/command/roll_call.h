// Asks every shard about its connections, each on its own thread, and brings the
// answers together to the connection that asked, which waits meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace wskit::server {

struct CommandHost;
class Connection;

namespace people {

struct Answer {
  std::vector<std::string> entries;  // JSON texts; no more than were asked for
  std::size_t count = 0;             // of all that there are
};

// `asking` is suspended, and `then` called for it on its shard's thread, behind
// everything that each shard had to do when it was asked; not at all if it is gone
// by then. Threads: the shard's of `asking`; `ask` runs on every shard's.
void take_roll_call(CommandHost& host, Connection& asking, std::function<Answer(CommandHost&)> ask,
                    std::function<void(const Answer&)> then);

// `[a,b,…]` of the first `limit` entries, or of those that `max_bytes` hold; of the first
// in any case.
[[nodiscard]] std::string as_array(const Answer& answer, std::size_t limit, std::size_t max_bytes = SIZE_MAX);

}  // namespace people
}  // namespace wskit::server
