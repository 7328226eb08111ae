#include "wsserve/connection/catch_up.h"

#include <algorithm>

#include "wsserve/channel.h"
#include "wsserve/fanout/fanout.h"
#include "wsserve/fanout/subscription.h"

namespace wskit::server {

namespace {

std::size_t size_of(const std::vector<ChunkPtr>& frames) {
  std::size_t bytes = 0;
  for (const ChunkPtr& frame : frames) bytes += frame->size();
  return bytes;
}

}  // namespace

void CatchUp::add(Channel& channel, std::uint64_t after, std::vector<ChunkPtr> first) {
  const std::uint64_t read = after + first.size();
  const std::size_t bytes = size_of(first);
  cursors_.push_back({&channel, read, after, std::move(first)});
  ahead_bytes_ += bytes;
}

void CatchUp::remove_if(const std::function<bool(const Channel&)>& unwanted) {
  index_.clear();
  std::erase_if(cursors_, [&](const Cursor& cursor) {
    if (!unwanted(*cursor.channel)) return false;
    ahead_bytes_ -= size_of(cursor.first);
    return true;
  });
}

void CatchUp::join(const Channel& channel, const Subscription& subscription, std::uint64_t after) {
  const Cursor& cursor = cursors_[index().at(&channel)];
  if (after <= cursor.after - cursor.first.size()) return;
  if (joined_[&subscription].emplace(&channel, after).second) ++joins_;
}

void CatchUp::join_all(const Subscription& subscription) {
  for (const Cursor& cursor : cursors_) {
    if (!subscription.audience->selects(cursor.channel->name())) continue;
    if (joined_[&subscription].emplace(cursor.channel, cursor.channel->position().offset).second) ++joins_;
  }
}

void CatchUp::forget(const Subscription& subscription) {
  const auto joined = joined_.find(&subscription);
  if (joined == joined_.end()) return;
  joins_ -= joined->second.size();
  joined_.erase(joined);
}

std::uint64_t CatchUp::begins_after(const Channel& channel, const Subscription& subscription) const {
  const auto joined = joined_.find(&subscription);
  if (joined == joined_.end()) return 0;
  const auto after = joined->second.find(&channel);
  return after == joined->second.end() ? 0 : after->second;
}

const CatchUp::Index& CatchUp::index() const {
  for (std::size_t i = index_.size(); i < cursors_.size(); ++i) index_.emplace(cursors_[i].channel, i);
  return index_;
}

bool CatchUp::brings(const Channel& channel, std::uint64_t after) const {
  return after >= cursors_[index().at(&channel)].whole_after;
}

void CatchUp::passed_over(const Channel& channel) {
  if (cursors_.empty()) return;
  for (Cursor* cursor : {&cursors_.front(), &cursors_.back()}) {
    if (cursor->channel == &channel) cursor->whole_after = cursor->after;
  }
}

CatchUp::Step CatchUp::next(Fanout& fanout, Subscriber& subscriber, std::size_t shard,
                            std::vector<ChunkPtr>& frames) {
  index_.clear();
  waits_ = false;
  for (std::size_t left = cursors_.size(); left > 0; --left) {
    Cursor cursor = std::move(cursors_.front());
    cursors_.pop_front();
    Channel& channel = *cursor.channel;
    if (!cursor.first.empty()) {
      frames = std::move(cursor.first);
      ahead_bytes_ -= size_of(frames);
      cursors_.push_front({&channel, cursor.after, cursor.whole_after, {}});
      return {.channel = &channel};
    }
    if (asked_ == &channel) {
      cursors_.push_back(std::move(cursor));
      continue;
    }
    const Channel::Part part = channel.read_and_join(cursor.after, kPartBytes, frames, shard);
    if (part.gap) return {.channel = &channel, .gap = true};
    if (part.in_store) {
      cursors_.push_back({&channel, cursor.after, cursor.whole_after, {}});
      if (asked_ != nullptr) continue;
      asked_ = &channel;
      return {.channel = &channel, .ask = true, .after = cursor.after, .newest = part.newest};
    }
    if (part.complete) {
      fanout.release(subscriber, channel, part.seam);
    } else {
      cursors_.push_back({&channel, cursor.after + frames.size(), cursor.whole_after, {}});
    }
    return {.channel = &channel};
  }
  waits_ = true;
  return {};
}

bool CatchUp::arrived(const Channel& channel, std::uint64_t lost_up_to, std::vector<ChunkPtr> frames) {
  if (asked_ == &channel) asked_ = nullptr;
  waits_ = false;
  const auto cursor = std::ranges::find(cursors_, &channel, [](const Cursor& each) { return each.channel; });
  // The subscription may have left and come back meanwhile.
  if (cursor == cursors_.end() || !cursor->first.empty()) return false;
  const bool loses = lost_up_to > cursor->after;
  if (loses) cursor->after = cursor->whole_after = lost_up_to;
  if (frames.empty() || frames.front()->event.offset != cursor->after + 1) return loses;
  cursor->after += frames.size();
  ahead_bytes_ += size_of(frames);
  cursor->first = std::move(frames);
  return loses;
}

}  // namespace wskit::server
