#include "wsserve/people/presence.h"

#include <algorithm>

#include "common/protocol/command.h"
#include "common/protocol/timestamp.h"
#include "wsserve/hub.h"
#include "wsserve/people/record.h"

namespace wskit::server::people {
namespace {

// Apart, though a user may be called like a connection.
std::string key_of(const Presence::Member& member) {
  return member.user.empty() ? "c" + member.connection : "u" + member.user;
}

}  // namespace

void Presence::watch(const protocol::Pattern& channels) {
  const std::lock_guard lock(mutex_);
  watched_.push_back(channels);
  watches_.store(watched_.size(), std::memory_order_release);
}

void Presence::unwatch(const protocol::Pattern& channels) {
  const std::lock_guard lock(mutex_);
  watched_.erase(std::ranges::find(watched_, channels));
  watches_.store(watched_.size(), std::memory_order_release);
  std::erase_if(channels_, [this](const auto& channel) { return !is_watched_locked(channel.first); });
}

bool Presence::is_watched(std::string_view channel) const {
  const std::lock_guard lock(mutex_);
  return is_watched_locked(channel);
}

bool Presence::is_watched_locked(std::string_view channel) const {
  return std::ranges::any_of(watched_,
                             [&](const protocol::Pattern& pattern) { return pattern.matches(channel); });
}

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
  if (found->second.connections.empty()) found->second.leaves = now + kPatience;
}

std::optional<Clock::time_point> Presence::tell_left(Clock::time_point now) {
  std::optional<Clock::time_point> next;
  const std::lock_guard lock(mutex_);
  for (auto& [channel, members] : channels_) {
    std::erase_if(members, [&, &name = channel](const auto& entry) {
      const State& state = entry.second;
      if (!state.connections.empty()) return false;
      if (state.leaves > now) {
        next = std::min(next.value_or(state.leaves), state.leaves);
        return false;
      }
      tell(name, "leave", state.last);
      return true;
    });
  }
  std::erase_if(channels_, [](const auto& channel) { return channel.second.empty(); });
  return next;
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
