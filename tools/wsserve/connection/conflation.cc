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
  if (interval == Interval::zero()) return empty();
  if (slots_.size() - waiting() > idle_limit_) forget_idle(now);
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
    if (slot.merged++ == 0) slot.from = slot.newest->event.offset;
    stop_waiting(slot);
  }
  // A pace that is given up does not make the next event wait.
  if (interval == Interval::zero()) slot.next_due = {};
  bytes_ += frame->size();
  slot.newest = std::move(frame);
  slot.arrival = ++arrivals_;
  slot.early = slot.next_due != Time{};
  if (slot.early) {
    early_.emplace(std::pair(slot.next_due, slot.arrival), &slot);
  } else {
    due_.emplace_hint(due_.end(), slot.arrival, &slot);
  }
  by_channel_[&channel].emplace(slot.arrival, &slot);
  return replaces;
}

void Conflation::stop_waiting(Slot& slot) {
  bytes_ -= slot.newest->size();
  if (slot.early) {
    early_.erase(std::pair(slot.next_due, slot.arrival));
  } else {
    due_.erase(slot.arrival);
  }
  const auto channel = by_channel_.find(slot.channel);
  channel->second.erase(slot.arrival);
  if (channel->second.empty()) by_channel_.erase(channel);
}

void Conflation::let_come_due(Time now) {
  while (!early_.empty() && early_.begin()->first.first <= now) {
    Slot* slot = early_.begin()->second;
    early_.erase(early_.begin());
    slot->early = false;
    due_.emplace(slot->arrival, slot);
  }
}

ChunkPtr Conflation::take(Time now) {
  let_come_due(now);
  if (due_.empty()) return nullptr;
  return hand_out(*due_.begin()->second, now);
}

ChunkPtr Conflation::hand_out(Slot& slot, Time now) {
  stop_waiting(slot);
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

std::vector<ChunkPtr> Conflation::take_all_of(const Channel& channel, Time now) {
  std::vector<ChunkPtr> frames;
  const auto waiting = by_channel_.find(&channel);
  if (waiting == by_channel_.end()) return frames;
  // Handing out the last one forgets the channel.
  const std::map<std::uint64_t, Slot*> slots = waiting->second;
  for (const auto& [arrival, slot] : slots) frames.push_back(hand_out(*slot, now));
  return frames;
}

std::optional<Conflation::Time> Conflation::next_due() const {
  if (!due_.empty()) return due_.begin()->second->next_due;
  if (!early_.empty()) return early_.begin()->first.first;
  return std::nullopt;
}

void Conflation::look(const std::function<void(const Channel&, std::uint64_t)>& see) const {
  for (const auto& [name, slot] : slots_) {
    if (slot.newest != nullptr) see(*slot.channel, slot.newest->event.offset);
  }
}

Conflation::Forgotten Conflation::clear() {
  const Forgotten all = forget_if([](const Channel&) { return true; });
  slots_.clear();
  return all;
}

Conflation::Forgotten Conflation::forget_if(const std::function<bool(const Channel&)>& unwanted) {
  Forgotten forgotten;
  for (auto& [name, slot] : slots_) {
    if (slot.newest == nullptr || !unwanted(*slot.channel)) continue;
    ++forgotten.waited;
    forgotten.merged += slot.merged;
    stop_waiting(slot);
    slot.newest = nullptr;
    slot.merged = 0;
  }
  return forgotten;
}

void Conflation::forget_idle(Time now) {
  std::erase_if(slots_, [&](const auto& entry) {
    return entry.second.newest == nullptr && entry.second.next_due <= now;
  });
  // Keys that are all in use are not looked through again at once.
  idle_limit_ = std::max<std::size_t>(1024, 2 * (slots_.size() - waiting()));
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
