#include "reference.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/protocol/event.h"
#include "common/websocket/frame.h"

namespace wskit::server::model {

std::string ReferenceChannel::add(std::uint64_t offset, const ReferenceEvent& event) {
  if (const auto known = offsets_.find(event.dedup); known != offsets_.end() && known->second != offset) {
    return fmt::format("{}: event {} was given the offsets {} and {}", name_, event.dedup, known->second,
                       offset);
  }
  const auto [entry, added] = events_.emplace(offset, event);
  if (!added && entry->second.dedup != event.dedup) {
    return fmt::format("{}: offset {} was given to {} and to {}", name_, offset, entry->second.dedup,
                       event.dedup);
  }
  offsets_.emplace(event.dedup, offset);
  while (events_.contains(newest_ + 1)) ++newest_;
  return {};
}

void ReferenceChannel::lose_events(std::uint64_t newest) {
  events_.clear();
  offsets_.clear();
  epoch_.clear();
  base_ = newest_ = newest;
}

std::size_t ReferenceChannel::cost(std::uint64_t offset, const ReferenceEvent& event) const {
  protocol::EventView view;
  view.type = event.type;
  view.channel = name_;
  view.offset = offset;
  view.timestamp = "2026-11-20T10:00:00.123456Z";
  view.key = event.key;
  view.data = event.data;
  websocket::FrameHeader header;
  header.payload_bytes = protocol::encoded_size(view);
  return websocket::header_size(header) + header.payload_bytes + History::kOverheadBytes;
}

std::uint64_t ReferenceChannel::oldest_held(std::uint64_t newest) const {
  std::size_t bytes = 0;
  std::uint64_t oldest = newest + 1;
  while (oldest > base_ + 1 && newest - oldest + 1 < limits_.max_events) {
    bytes += cost(oldest - 1, at(oldest - 1));
    if (bytes > limits_.max_bytes) break;
    --oldest;
  }
  return oldest;
}

std::uint64_t ReferenceChannel::least_newest(Moment asked) const {
  std::uint64_t least = base_;
  for (const auto& [offset, event] : events_) {
    if (event.acknowledged < asked) least = offset;
  }
  return least;
}

std::uint64_t ReferenceChannel::greatest_newest(Moment answered) const {
  for (const auto& [offset, event] : events_) {
    if (event.sent > answered) return offset - 1;
  }
  return newest_;
}

ReferenceChannel& Reference::channel(const std::string& name) {
  return channels_.try_emplace(name, name, rules_.history).first->second;
}

const ReferenceChannel* Reference::find(const std::string& name) const {
  const auto found = channels_.find(name);
  return found == channels_.end() ? nullptr : &found->second;
}

std::string Reference::epoch_of(const std::string& channel) const {
  const ReferenceChannel* known = find(channel);
  return known == nullptr ? std::string() : known->epoch();
}

void Reference::forget_if(const std::function<bool(const std::string&)>& gone) {
  std::erase_if(channels_, [&](const auto& entry) { return gone(entry.first); });
}

Bookmark Reference::bookmark() const {
  Bookmark bookmark;
  for (const auto& [name, channel] : channels_) bookmark.newest[name] = channel.newest();
  // What follows is received in a later microsecond, and all before was in an earlier one.
  const auto now = [] {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  };
  const auto begin = now();
  while (now() <= begin) {
  }
  bookmark.time = now();
  while (now() <= bookmark.time) {
  }
  return bookmark;
}

}  // namespace wskit::server::model
