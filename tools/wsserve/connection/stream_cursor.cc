#include "wsserve/connection/stream_cursor.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/protocol/positions_text.h"

namespace wskit::server {
namespace {

// What a position takes besides its epoch and channel: an offset of 20 digits, and
// the marks between.
constexpr std::size_t kPlaceBytes = 23;

}  // namespace

std::size_t StreamCursor::bytes_of(const Place& place) {
  return protocol::positions_text_bytes(place.channel) + place.epoch.size() + kPlaceBytes;
}

void StreamCursor::begin(std::string_view channel, std::string_view epoch, std::uint64_t offset) {
  if (const auto known = by_channel_.find(channel); known != by_channel_.end()) {
    Place& place = *known->second;
    place.offset = std::min(place.offset, offset);
    return;
  }
  places_.push_front({std::string(channel), std::string(epoch), offset});
  by_channel_.emplace(places_.front().channel, places_.begin());
  bytes_ += bytes_of(places_.front());
  keep_short();
}

void StreamCursor::advance(std::string_view channel, std::uint64_t offset,
                           const std::function<std::string_view(std::string_view)>& find_epoch) {
  const auto known = by_channel_.find(channel);
  if (known == by_channel_.end()) return begin(channel, find_epoch(channel), offset);
  known->second->offset = std::max(known->second->offset, offset);
  places_.splice(places_.begin(), places_, known->second);
}

void StreamCursor::keep_short() {
  while (bytes_ > kMaxBytes) {
    complete_ = false;
    bytes_ -= bytes_of(places_.back());
    by_channel_.erase(places_.back().channel);
    places_.pop_back();
  }
}

std::string StreamCursor::text(protocol::SystemMicros now, const Held& held) const {
  const auto offset_of = [&held](const Place& place) {
    const auto limit = held.find(place.channel);
    return limit == held.end() ? place.offset : std::min(place.offset, limit->second);
  };
  if (single_) {
    if (places_.empty()) return {};
    return fmt::format("{}:{}", places_.front().epoch, offset_of(places_.front()));
  }
  // A channel without a place began later than the stream, or was silent of late.
  const protocol::SystemMicros before = (complete_ ? began_ : std::max(began_ + kMargin, now)) - kMargin;
  std::string text;
  protocol::PositionsTextWriter writer(text, before);
  for (const Place& place : places_) writer.add(place.channel, place.epoch, offset_of(place));
  return text;
}

}  // namespace wskit::server
