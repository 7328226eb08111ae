#include "wsserve/connection/conflation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "common/websocket/frame.h"
#include "wsserve/channel.h"

namespace wskit::server {
namespace {

// What a slot takes beside its name.
constexpr std::size_t kSlotBytes = 192;

// The slots are not looked through again before they take so much more.
constexpr std::size_t kLeastGrowth = std::size_t{256} << 10;

}  // namespace

std::string Conflation::name_of(const Channel& channel, const Chunk& frame) {
  std::string name = channel.name();
  name += ' ';  // stands in no channel's name
  name += frame.key();
  return name;
}

bool Conflation::may_pass(const Channel& channel, const Chunk& frame, Time now, Interval interval) {
  if (interval == Interval::zero()) return empty();
  if (slot_bytes_ > look_again_bytes_) forget_idle(now);
  Slot& slot = slot_of(channel, frame);
  if (slot.newest != nullptr || now < slot.next_due) return false;
  slot.next_due = now + interval;
  return true;
}

Conflation::Slot& Conflation::slot_of(const Channel& channel, const Chunk& frame) {
  const auto [entry, added] = slots_.try_emplace(name_of(channel, frame));
  Slot& slot = entry->second;
  slot.name = &entry->first;
  if (added) slot_bytes_ += kSlotBytes + slot.name->size();
  return slot;
}

void Conflation::erase(const Slot& slot) {
  slot_bytes_ -= kSlotBytes + slot.name->size();
  slots_.erase(slots_.find(*slot.name));
}

bool Conflation::put(const Channel& channel, ChunkPtr frame, Interval interval) {
  Slot& slot = slot_of(channel, *frame);
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
    erase(slot);
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
  slot_bytes_ = 0;
  return all;
}

Conflation::Forgotten Conflation::forget_if(const std::function<bool(const Channel&)>& unwanted) {
  Forgotten forgotten;
  std::vector<Slot*> gone;
  for (auto& [name, slot] : slots_) {
    if (slot.newest != nullptr && unwanted(*slot.channel)) gone.push_back(&slot);
  }
  for (Slot* slot : gone) {
    ++forgotten.waited;
    forgotten.merged += slot->merged;
    stop_waiting(*slot);
    erase(*slot);
  }
  return forgotten;
}

void Conflation::forget_idle(Time now) {
  std::vector<Slot*> idle;
  std::size_t idle_bytes = 0;
  for (auto& [name, slot] : slots_) {
    if (slot.newest != nullptr) continue;
    idle.push_back(&slot);
    idle_bytes += kSlotBytes + name.size();
  }
  std::ranges::sort(idle, {}, &Slot::next_due);
  for (const Slot* slot : idle) {
    if (slot->next_due > now && idle_bytes <= kMaxIdleBytes / 2) break;
    idle_bytes -= kSlotBytes + slot->name->size();
    erase(*slot);
  }
  // Keys that are all in use are not looked through again at once.
  look_again_bytes_ = slot_bytes_ + std::max(idle_bytes, kLeastGrowth);
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
