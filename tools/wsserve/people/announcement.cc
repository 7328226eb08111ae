#include "wsserve/people/announcement.h"

#include <charconv>
#include <optional>

#include "wsserve/connection/connection.h"
#include "wsserve/event_frame.h"
#include "wsserve/people/people.h"
#include "wsserve/shard.h"

namespace wskit::server::people {

namespace {

constexpr std::string_view kConnectionPrefix = "@connection/";

// The number that text begins with, taken off it, without zeros in front.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || (digits > 1 && text.starts_with('0'))) return std::nullopt;
  text.remove_prefix(digits);
  return number;
}

}  // namespace

bool is_reachable(Shard& shard, std::string_view channel) {
  if (!channel.starts_with(kConnectionPrefix)) return true;
  std::string_view id = channel.substr(kConnectionPrefix.size());
  // NODE-SHARD-NUMBER, as Connection::id() writes it.
  const std::string& node = shard.server().identity().node;
  if (!id.starts_with(node)) return false;
  id.remove_prefix(node.size());
  if (!id.starts_with('-')) return false;
  id.remove_prefix(1);
  const auto index = take_number(id);
  if (!index || !id.starts_with('-')) return false;
  id.remove_prefix(1);
  const auto number = take_number(id);
  return number && id.empty() && shard.server().people().is_here(People::key(*index, *number));
}

void announce(Shard& shard, const Channel& channel, const protocol::PublishEvent& event, std::uint64_t offset,
              std::string_view received) {
  const bool for_all = channel.name() == "@all";
  if (!for_all && !channel.name().starts_with(kConnectionPrefix)) return;
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
        for (Connection* listener : listeners) {
          each.guard(*listener, "the delivery of an announcement",
                     [&] { listener->take_announcement(name, frame); });
        }
      });
}

}  // namespace wskit::server::people
