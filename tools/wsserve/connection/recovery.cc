#include "wsserve/connection/recovery.h"

#include <utility>

#include "wsserve/channel/channel.h"
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

void Recovery::add(Channel& channel, std::uint64_t after, std::vector<ChunkPtr> first) {
  const std::uint64_t read = after + first.size();
  const std::size_t bytes = size_of(first);
  ready_.push_back({&channel, read, after, std::move(first)});
  ahead_bytes_ += bytes;
  if (indexed_) index_.emplace(&channel, &ready_.back());
}

void Recovery::erase(Cursors& cursors, Cursors::iterator cursor) {
  if (indexed_) index_.erase(cursor->channel);
  ahead_bytes_ -= size_of(cursor->first);
  cursors.erase(cursor);
}

void Recovery::remove_if(const std::function<bool(const Channel&)>& unwanted) {
  for (Cursors* cursors : {&ready_, &cold_, &asking_}) {
    for (auto next = cursors->begin(); next != cursors->end();) {
      const auto cursor = next++;
      if (unwanted(*cursor->channel)) erase(*cursors, cursor);
    }
  }
}

void Recovery::join(const Channel& channel, const Subscription& subscription, std::uint64_t after) {
  const Cursor& cursor = find(channel);
  if (after <= cursor.after - cursor.first.size()) return;
  if (joined_[&subscription].emplace(&channel, after).second) ++joins_;
}

void Recovery::join_all(const Subscription& subscription) {
  each([&](const Cursor& cursor) {
    if (!subscription.audience->selects(cursor.channel->name())) return;
    if (joined_[&subscription].emplace(cursor.channel, cursor.channel->position().offset).second) ++joins_;
  });
}

void Recovery::forget(const Subscription& subscription) {
  const auto joined = joined_.find(&subscription);
  if (joined == joined_.end()) return;
  joins_ -= joined->second.size();
  joined_.erase(joined);
}

std::uint64_t Recovery::begins_after(const Channel& channel, const Subscription& subscription) const {
  const auto joined = joined_.find(&subscription);
  if (joined == joined_.end()) return 0;
  const auto after = joined->second.find(&channel);
  return after == joined->second.end() ? 0 : after->second;
}

const Recovery::Cursor& Recovery::find(const Channel& channel) const {
  if (!indexed_) {
    each([this](const Cursor& cursor) { index_.emplace(cursor.channel, &cursor); });
    indexed_ = true;
  }
  return *index_.at(&channel);
}

bool Recovery::brings(const Channel& channel, std::uint64_t after) const {
  return after >= find(channel).whole_after;
}

void Recovery::passed_over(const Channel& channel) {
  if (ready_.empty()) return;
  for (Cursor* cursor : {&ready_.front(), &ready_.back()}) {
    if (cursor->channel == &channel) cursor->whole_after = cursor->after;
  }
}

Recovery::Step Recovery::next(Fanout& fanout, Subscriber& subscriber, std::size_t shard,
                              std::vector<ChunkPtr>& frames) {
  // Whose turn it is at the store, which meanwhile may have become another one's.
  if (asked_ == nullptr && !cold_.empty()) ready_.splice(ready_.begin(), cold_, cold_.begin());
  waits_ = ready_.empty();
  if (waits_) return {};
  const auto cursor = ready_.begin();
  Channel& channel = *cursor->channel;
  if (!cursor->first.empty()) {
    frames = std::exchange(cursor->first, {});
    ahead_bytes_ -= size_of(frames);
    return {.channel = &channel};
  }
  const Channel::Part part = channel.read_and_join(cursor->after, kPartBytes, frames, shard);
  if (part.gap) {
    erase(ready_, cursor);
    return {.channel = &channel, .gap = true};
  }
  if (part.in_store) {
    if (asked_ != nullptr) {
      cold_.splice(cold_.end(), ready_, cursor);
      return {.channel = &channel};
    }
    asked_ = &channel;
    asking_.splice(asking_.end(), ready_, cursor);
    return {.channel = &channel, .ask = true, .after = cursor->after, .newest = part.newest};
  }
  if (part.complete) {
    fanout.release(subscriber, channel, part.seam);
    erase(ready_, cursor);
  } else {
    cursor->after += frames.size();
    ready_.splice(ready_.end(), ready_, cursor);
  }
  return {.channel = &channel};
}

bool Recovery::arrived(const Channel& channel, std::uint64_t lost_up_to, std::vector<ChunkPtr> frames) {
  if (asked_ != &channel) return false;
  asked_ = nullptr;
  waits_ = false;
  // The subscription may have left, and have come back meanwhile: then it asks anew.
  if (asking_.empty()) return false;
  const auto cursor = asking_.begin();
  ready_.splice(ready_.begin(), asking_, cursor);
  const bool loses = lost_up_to > cursor->after;
  if (loses) cursor->after = cursor->whole_after = lost_up_to;
  if (frames.empty() || frames.front()->event.offset != cursor->after + 1) return loses;
  cursor->after += frames.size();
  ahead_bytes_ += size_of(frames);
  cursor->first = std::move(frames);
  return loses;
}

}  // namespace wskit::server
