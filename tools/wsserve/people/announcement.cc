#include "wsserve/people/announcement.h"

#include "wsserve/connection/connection.h"
#include "wsserve/event_frame.h"
#include "wsserve/people/people.h"
#include "wsserve/shard.h"

namespace wskit::server::people {

void announce(Shard& shard, const Channel& channel, const protocol::PublishEvent& event, std::uint64_t offset,
              std::string_view received) {
  const bool for_all = channel.name() == "@all";
  if (!for_all && !channel.name().starts_with("@connection/")) return;
  protocol::EventView view;
  view.type = event.type;
  view.channel = channel.name();
  view.offset = offset;
  view.timestamp = event.timestamp.empty() ? received : event.timestamp;
  view.key = event.key;
  view.data = event.data;
  shard.server().people().on_every_shard(
      [for_all, name = channel.name(), frame = build_event_frame(view)](Shard& each) {
        std::vector<Connection*> listeners;
        for (const auto& [number, connection] : each.connections()) {
          if (for_all || connection->owns_channel(name)) listeners.push_back(connection);
        }
        for (Connection* listener : listeners) listener->take_announcement(name, frame);
      });
}

}  // namespace wskit::server::people
