#include "wsserve/connection/catch_up.h"

#include <algorithm>

#include "wsserve/channel.h"
#include "wsserve/fanout/fanout.h"

namespace wskit::server {

void CatchUp::add(Channel& channel, std::uint64_t after, std::vector<ChunkPtr> first) {
  const std::uint64_t read = after + first.size();
  cursors_.push_back({&channel, read, std::move(first)});
}

void CatchUp::remove_if(const std::function<bool(const Channel&)>& unwanted) {
  std::erase_if(cursors_, [&](const Cursor& cursor) { return unwanted(*cursor.channel); });
}

bool CatchUp::covers(const Channel& channel) const {
  return std::ranges::any_of(cursors_, [&](const Cursor& cursor) { return cursor.channel == &channel; });
}

CatchUp::Step CatchUp::next(Fanout& fanout, Subscriber& subscriber, std::size_t shard,
                            std::vector<ChunkPtr>& frames) {
  waits_ = false;
  for (std::size_t left = cursors_.size(); left > 0; --left) {
    Cursor cursor = std::move(cursors_.front());
    cursors_.pop_front();
    Channel& channel = *cursor.channel;
    if (!cursor.first.empty()) {
      frames = std::move(cursor.first);
      cursors_.push_front({&channel, cursor.after, {}});
      return {.channel = &channel};
    }
    if (asked_ == &channel) {
      cursors_.push_back(std::move(cursor));
      continue;
    }
    const Channel::Part part = channel.read_and_join(cursor.after, kPartBytes, frames, shard);
    if (part.gap) return {.channel = &channel, .gap = true};
    if (part.in_store) {
      cursors_.push_back({&channel, cursor.after, {}});
      if (asked_ != nullptr) continue;
      asked_ = &channel;
      return {.channel = &channel, .ask = true, .after = cursor.after, .newest = part.newest};
    }
    if (part.complete) {
      fanout.release(subscriber, channel, part.seam);
    } else {
      cursors_.push_back({&channel, cursor.after + frames.size(), {}});
    }
    return {.channel = &channel};
  }
  waits_ = true;
  return {};
}

void CatchUp::arrived(const Channel& channel, std::vector<ChunkPtr> frames) {
  if (asked_ == &channel) asked_ = nullptr;
  waits_ = false;
  const auto cursor = std::ranges::find(cursors_, &channel, [](const Cursor& each) { return each.channel; });
  // The subscription may have left and come back meanwhile.
  if (cursor == cursors_.end() || !cursor->first.empty() || frames.empty() ||
      frames.front()->event.offset != cursor->after + 1) {
    return;
  }
  cursor->after += frames.size();
  cursor->first = std::move(frames);
}

}  // namespace wskit::server
