#include "wstap/range_end.h"

namespace wskit::tap {

using protocol::Position;
using protocol::SystemMicros;

RangeEnd::Channel& RangeEnd::channel(std::string_view name) {
  const auto found = channels_.find(name);
  if (found != channels_.end()) return found->second;
  Channel channel;
  if (const auto* position = std::get_if<Position>(&until_)) {
    channel.last = position->offset;
    channel.epoch = position->epoch;
  }
  return channels_.emplace(name, std::move(channel)).first->second;
}

void RangeEnd::pass(Channel& channel) {
  if (!channel.passed) ++passed_;
  channel.passed = true;
}

void RangeEnd::aim(Channel& channel, const SubscribedEntry& entry, std::uint64_t start) {
  if (!std::holds_alternative<Position>(until_) && !fixed_) {
    channel.last = *entry.offset;
    channel.epoch = entry.epoch;
  }
  // An epoch that is over has no more events.
  const bool over = !channel.epoch.empty() && channel.epoch != entry.epoch;
  if (over || start >= channel.last) pass(channel);
}

void RangeEnd::answered(const std::vector<SubscribedEntry>& channels, SystemMicros now,
                        const Starts& starts) {
  const auto* time = std::get_if<SystemMicros>(&until_);
  const bool too_early = time != nullptr && now <= *time;
  for (const SubscribedEntry& entry : channels) {
    if (!entry.offset) continue;
    Channel& known = channel(entry.channel);
    if (too_early) continue;
    aim(known, entry, starts(entry.channel));
  }
  if (too_early) return;
  fixed_ = fixed_ || !std::holds_alternative<Position>(until_);
  // An offset is waited for, also where there is no channel yet that could reach it.
  complete_ = fixed_ || !channels_.empty();
}

std::optional<SystemMicros> RangeEnd::asks_again() const {
  const auto* time = std::get_if<SystemMicros>(&until_);
  if (time == nullptr || fixed_) return std::nullopt;
  return *time;
}

bool RangeEnd::takes(const protocol::EventView& event) {
  // One that began after the end was known has nothing before it.
  if (fixed_ && !channels_.contains(event.channel)) return false;
  Channel& known = channel(event.channel);
  if (known.passed) return false;
  if (const auto* time = std::get_if<SystemMicros>(&until_)) {
    const protocol::Result<SystemMicros> at = protocol::parse_timestamp(event.timestamp);
    if (at && *at > *time) {
      pass(known);
      return false;
    }
    if (!fixed_) return true;
  }
  if (event.offset >= known.last) pass(known);
  if (std::holds_alternative<Position>(until_)) complete_ = true;
  return event.offset <= known.last;
}

}  // namespace wskit::tap
