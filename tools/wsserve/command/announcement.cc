#include "wsserve/command/announcement.h"

#include <charconv>
#include <optional>

#include "wsserve/cluster/bus.h"
#include "wsserve/command/command_host.h"
#include "wsserve/connection/connection.h"
#include "wsserve/connection/peer.h"
#include "wsserve/presence/people.h"

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

// The place of `@connection/NODE-SHARD-NUMBER`, as Client::id() writes it; nothing if there
// can be none of that name here.
std::optional<cluster::Place> place_of(CommandHost& host, std::string_view channel) {
  std::string_view id = channel.substr(kConnectionPrefix.size());
  const std::string& node = host.server.identity().node;
  if (!id.starts_with(node)) return std::nullopt;
  id.remove_prefix(node.size());
  if (!id.starts_with('-')) return std::nullopt;
  id.remove_prefix(1);
  const auto index = take_number(id);
  if (!index || *index >= host.server.shard_count() || !id.starts_with('-')) return std::nullopt;
  id.remove_prefix(1);
  const auto number = take_number(id);
  if (!number || *number >= People::kNumbers || !id.empty()) return std::nullopt;
  return cluster::Place{.shard = static_cast<std::size_t>(*index), .number = *number};
}

void deliver(CommandHost& host, Connection& listener, const std::string& channel, const ChunkPtr& frame) {
  Peer* peer = listener.peer();
  if (peer == nullptr) return;
  host.guard(listener, "the delivery of an announcement", [&] { peer->announce(channel, frame); });
}

}  // namespace

bool is_reachable(CommandHost& host, std::string_view channel) {
  if (!channel.starts_with(kConnectionPrefix)) return true;
  const auto place = place_of(host, channel);
  return place && host.server.people().is_here(People::key(place->shard, place->number));
}

void announce(CommandHost& host, const Channel& channel, const protocol::PublishEvent& event,
              std::uint64_t offset, std::string_view received) {
  const bool for_all = channel.name() == "@all";
  if (!for_all && !channel.name().starts_with(kConnectionPrefix)) return;
  std::optional<cluster::Place> to;
  if (!for_all) {
    to = place_of(host, channel.name());
    if (!to) return;
  }
  host.server.bus().tell(
      cluster::Announce{.to = to,
                        .channel = channel.name(),
                        .type = std::string(event.type),
                        .offset = offset,
                        .timestamp = std::string(event.timestamp.empty() ? received : event.timestamp),
                        .key = std::string(event.key),
                        .data = std::string(event.data)});
}

void deliver_to_all(CommandHost& host, const std::string& channel, const ChunkPtr& frame) {
  // Who fails at it leaves the table only between turns.
  for (const auto& [number, connection] : host.connections) deliver(host, *connection, channel, frame);
}

void deliver_to(CommandHost& host, std::uint64_t connection, const std::string& channel,
                const ChunkPtr& frame) {
  if (Connection* listener = host.find(connection)) deliver(host, *listener, channel, frame);
}

}  // namespace wskit::server::people
