#include "wsserve/connection/conflation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "common/websocket/frame.h"
#include "wsserve/channel/channel.h"

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
  if (queues_.contains(&channel)) return false;
  Slot& slot = slot_of(channel, frame);
  if (now < slot.next_due) return false;
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
  try {
    return put(slot, channel, std::move(frame), interval);
  } catch (...) {
    // Half in the lists is in none.
    if (slot.newest != nullptr) stop_waiting(slot);
    erase(slot);
    throw;
  }
}

bool Conflation::put(Slot& slot, const Channel& channel, ChunkPtr frame, Interval interval) {
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
  slot.early = false;
  Queue& queue = queues_[&channel];
  queue.slots.emplace_hint(queue.slots.end(), slot.arrival, &slot);
  if (queue.early > 0 || slot.next_due != Time{}) {
    wait_for_time(queue, slot);
  } else {
    due_.emplace_hint(due_.end(), slot.arrival, &slot);
  }
  return replaces;
}

void Conflation::wait_for_time(Queue& queue, Slot& slot) {
  const Time due = queue.early == 0 ? slot.next_due : std::max(queue.due, slot.next_due);
  if (queue.early == 0 || due != queue.due) {
    early_.emplace(due, slot.channel);
    if (queue.early > 0) early_.erase({queue.due, slot.channel});
    queue.due = due;
  }
  ++queue.early;
  slot.early = true;
}

void Conflation::stop_waiting(Slot& slot) {
  bytes_ -= slot.newest->size();
  const auto queue = queues_.find(slot.channel);
  if (queue == queues_.end()) return;
  if (!slot.early) {
    due_.erase(slot.arrival);
  } else if (--queue->second.early == 0) {
    early_.erase({queue->second.due, slot.channel});
  }
  slot.early = false;
  queue->second.slots.erase(slot.arrival);
  if (queue->second.slots.empty()) queues_.erase(queue);
}

void Conflation::let_come_due(Time now) {
  while (!early_.empty() && early_.begin()->first <= now) {
    Queue& queue = queues_.at(early_.begin()->second);
    auto next = std::prev(queue.slots.end(), static_cast<std::ptrdiff_t>(queue.early));
    for (; queue.early > 0; --queue.early, ++next) {
      due_.emplace(next->first, next->second);
      next->second->early = false;
    }
    early_.erase(early_.begin());
  }
}

ChunkPtr Conflation::take(Time now) {
  let_come_due(now);
  if (due_.empty()) return nullptr;
  return hand_out(*due_.begin()->second, now);
}

ChunkPtr Conflation::hand_out(Slot& slot, Time now) {
  ChunkPtr frame = slot.merged == 0 ? slot.newest : merged_frame(*slot.newest, slot.from, slot.merged);
  stop_waiting(slot);
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
  const auto waiting = queues_.find(&channel);
  if (waiting == queues_.end()) return frames;
  // Handing out the last one forgets the channel.
  const std::map<std::uint64_t, Slot*> slots = waiting->second.slots;
  for (const auto& [arrival, slot] : slots) frames.push_back(hand_out(*slot, now));
  return frames;
}

std::optional<Conflation::Time> Conflation::next_due() const {
  if (!due_.empty()) return due_.begin()->second->next_due;
  if (!early_.empty()) return early_.begin()->first;
  return std::nullopt;
}

void Conflation::look(const std::function<void(const Channel&, std::uint64_t)>& see) const {
  for (const auto& [name, slot] : slots_) {
    if (slot.newest != nullptr) see(*slot.channel, slot.newest->event.offset);
  }
}

Conflation::Forgotten Conflation::clear() {
  Forgotten all;
  for (const auto& [name, slot] : slots_) {
    if (slot.newest == nullptr) continue;
    ++all.waited;
    all.merged += slot.merged;
  }
  due_.clear();
  early_.clear();
  queues_.clear();
  slots_.clear();
  bytes_ = slot_bytes_ = 0;
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
