#include "wsserve/presence/presence.h"

#include <algorithm>

#include "common/protocol/command.h"
#include "common/protocol/timestamp.h"
#include "wsserve/channel/hub.h"
#include "wsserve/presence/record.h"

namespace wskit::server::people {
namespace {

// Apart, though a user may be called like a connection.
std::string key_of(const Presence::Member& member) {
  return member.user.empty() ? "c" + member.connection : "u" + member.user;
}

}  // namespace

void Presence::watch(const protocol::Pattern& channels) {
  const std::lock_guard lock(mutex_);
  ++watched_[channels.text()];
  watches_.fetch_add(1, std::memory_order_release);
}

void Presence::unwatch(std::span<const protocol::Pattern> channels) {
  const std::lock_guard lock(mutex_);
  bool last = false;
  for (const protocol::Pattern& pattern : channels) {
    // What was subscribed without the memory to be watched is not there.
    std::size_t* watched = watched_.find(pattern.text());
    if (watched == nullptr) continue;
    watches_.fetch_sub(1, std::memory_order_release);
    if (--*watched > 0) continue;
    watched_.erase(pattern.text());
    last = true;
  }
  if (!last) return;
  std::erase_if(channels_, [this](const auto& channel) { return !is_watched_locked(channel.first); });
}

bool Presence::is_watched(std::string_view channel) const {
  const std::lock_guard lock(mutex_);
  return is_watched_locked(channel);
}

bool Presence::is_watched_locked(std::string_view channel) const { return watched_.any(channel); }

void Presence::was_here(const std::string& channel, const Member& member) {
  const std::lock_guard lock(mutex_);
  if (!is_watched_locked(channel)) return;
  State& state = channels_[channel][key_of(member)];
  state.last = member;
  state.connections.insert(member.connection);
}

void Presence::came(const std::string& channel, const Member& member) {
  const std::lock_guard lock(mutex_);
  if (!is_watched_locked(channel)) return;
  const auto [found, is_new] = channels_[channel].try_emplace(key_of(member));
  found->second.last = member;
  found->second.connections.insert(member.connection);
  if (is_new) tell(channel, "join", member);
}

void Presence::went(const std::string& channel, const Member& member, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  const auto known = channels_.find(channel);
  if (known == channels_.end()) return;
  const auto found = known->second.find(key_of(member));
  if (found == known->second.end() || found->second.connections.erase(member.connection) == 0) return;
  found->second.last = member;
  if (!found->second.connections.empty()) return;
  found->second.leaves = now + kPatience;
  // Nearly always the last one: shards do not go by quite the same time.
  leaving_.emplace_hint(leaving_.end(), found->second.leaves, Leaving{channel, found->first});
}

std::optional<Clock::time_point> Presence::tell_left(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  for (; !leaving_.empty() && leaving_.begin()->first <= now; leaving_.erase(leaving_.begin())) {
    const auto& [channel, member] = leaving_.begin()->second;
    const auto members = channels_.find(channel);
    if (members == channels_.end()) continue;
    const auto found = members->second.find(member);
    // It may have come back, and gone again later.
    if (found == members->second.end() || !found->second.connections.empty() || found->second.leaves > now) {
      continue;
    }
    tell(channel, "leave", found->second.last);
    members->second.erase(found);
    if (members->second.empty()) channels_.erase(members);
  }
  if (leaving_.empty()) return std::nullopt;
  return leaving_.begin()->first;
}

// Under the mutex, so that all are told in the order in which they happened.
void Presence::tell(const std::string& channel, std::string_view type, const Member& member) {
  Channel* told = hub_.find_or_create("@presence/" + channel);
  if (told == nullptr) return;
  const std::string data = presence_json(member.connection, member.user);
  const protocol::SystemMicros now = protocol::system_now();
  protocol::TimestampWriter writer;
  protocol::PublishEvent event;
  event.channel = told->name();
  event.type = type;
  event.data = data;
  told->publish(event, {.at = now, .text = writer.write(now)});
}

}  // namespace wskit::server::people
