// Events for everybody, or for one connection: `@all` and `@connection/<id>` reach
// those whom they are for whether they have subscribed or not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/protocol/command.h"
#include "wsserve/channel/channel.h"
#include "wsserve/frame/chunk.h"

namespace wskit::server {

struct CommandHost;

namespace people {

// Whether an event may be published to the channel: `@connection/<id>` of one that has
// left reaches nobody, now or later. Any other channel may have readers that come back.
[[nodiscard]] bool is_reachable(CommandHost& host, std::string_view channel);

// The event was published to that channel of the server's space, and those who
// subscribed it have it; the others get it, too. On the shard's thread.
void announce(CommandHost& host, const Channel& channel, const protocol::PublishEvent& event,
              std::uint64_t offset, std::string_view received);

// What a shard does with the order to announce: hands the frame to each of its connections,
// or to the one of that number if it is still there.
void deliver_to_all(CommandHost& host, const std::string& channel, const ChunkPtr& frame);
void deliver_to(CommandHost& host, std::uint64_t connection, const std::string& channel,
                const ChunkPtr& frame);

}  // namespace people
}  // namespace wskit::server
