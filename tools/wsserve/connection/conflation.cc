#include "wsserve/connection/conflation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "common/websocket/frame.h"
#include "wsserve/channel.h"

namespace wskit::server {

std::string Conflation::name_of(const Channel& channel, const Chunk& frame) {
  std::string name = channel.name();
  name += ' ';  // stands in no channel's name
  name += frame.key();
  return name;
}

bool Conflation::may_pass(const Channel& channel, const Chunk& frame, Time now, Interval interval) {
  if (interval == Interval::zero()) return waiting_.empty();
  if (slots_.size() - waiting_.size() > idle_limit_) forget_idle(now);
  Slot& slot = slots_[name_of(channel, frame)];
  if (slot.newest != nullptr || now < slot.next_due) return false;
  slot.next_due = now + interval;
  return true;
}

bool Conflation::put(const Channel& channel, ChunkPtr frame, Interval interval) {
  const auto [entry, added] = slots_.try_emplace(name_of(channel, *frame));
  Slot& slot = entry->second;
  slot.name = &entry->first;
  slot.channel = &channel;
  slot.interval = interval;
  const bool replaces = slot.newest != nullptr;
  if (replaces) {
    bytes_ -= slot.newest->size();
    if (slot.merged++ == 0) slot.from = slot.newest->event.offset;
    waiting_.erase(slot.place);
  }
  bytes_ += frame->size();
  slot.newest = std::move(frame);
  slot.place = waiting_.insert(waiting_.end(), &slot);
  return replaces;
}

ChunkPtr Conflation::take(Time now) {
  const auto due = std::ranges::find_if(waiting_, [&](const Slot* slot) { return slot->next_due <= now; });
  if (due == waiting_.end()) return nullptr;
  Slot& slot = **due;
  waiting_.erase(due);
  bytes_ -= slot.newest->size();
  ChunkPtr frame =
      slot.merged == 0 ? std::move(slot.newest) : merged_frame(*slot.newest, slot.from, slot.merged);
  slot.newest = nullptr;
  slot.merged = 0;
  if (slot.interval == Interval::zero()) {
    slots_.erase(*slot.name);
  } else {
    slot.next_due = now < Time::max() - slot.interval ? now + slot.interval : Time::max();
  }
  return frame;
}

std::optional<Conflation::Time> Conflation::next_due() const {
  if (waiting_.empty()) return std::nullopt;
  return (*std::ranges::min_element(waiting_, {}, &Slot::next_due))->next_due;
}

std::size_t Conflation::clear() {
  const std::size_t count = waiting_.size();
  waiting_.clear();
  slots_.clear();
  bytes_ = 0;
  return count;
}

std::size_t Conflation::forget_if(const std::function<bool(const Channel&)>& unwanted) {
  return std::erase_if(waiting_, [&](Slot* slot) {
    if (!unwanted(*slot->channel)) return false;
    bytes_ -= slot->newest->size();
    slot->newest = nullptr;
    slot->merged = 0;
    return true;
  });
}

void Conflation::forget_idle(Time now) {
  std::erase_if(slots_, [&](const auto& entry) {
    return entry.second.newest == nullptr && entry.second.next_due <= now;
  });
  // Keys that are all in use are not looked through again at once.
  idle_limit_ = std::max<std::size_t>(1024, 2 * (slots_.size() - waiting_.size()));
}

ChunkPtr merged_frame(const Chunk& frame, std::uint64_t from, std::uint64_t merged) {
  const std::string_view text = frame.text();
  const std::size_t data = frame.event.data_begin - frame.event.header_bytes;
  const std::string note = fmt::format(R"("from":{},"merged":{},)", from, merged);
  websocket::FrameHeader header;
  header.payload_bytes = text.size() + note.size();
  const std::size_t header_bytes = websocket::header_size(header);
  auto chunk = Chunk::make(header_bytes + header.payload_bytes);
  char* out = websocket::write_header(header, chunk->data());
  const auto append = [&out](std::string_view part) {
    std::memcpy(out, part.data(), part.size());
    out += part.size();
  };
  append(text.substr(0, data));
  append(note);
  append(text.substr(data));
  chunk->event = frame.event;
  chunk->event.header_bytes = static_cast<std::uint32_t>(header_bytes);
  const auto shift = static_cast<std::uint32_t>(header_bytes) - frame.event.header_bytes;
  chunk->event.type_begin += shift;
  chunk->event.key_begin += shift;
  chunk->event.data_begin += shift + static_cast<std::uint32_t>(note.size());
  return chunk;
}

}  // namespace wskit::server
