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
  Cursor cursor = std::move(cursors_.front());
  cursors_.pop_front();
  Channel& channel = *cursor.channel;
  if (!cursor.first.empty()) {
    frames = std::move(cursor.first);
    cursors_.push_front({&channel, cursor.after, {}});
    return {&channel, false};
  }
  const Channel::Part part = channel.read_and_join(cursor.after, kPartBytes, frames, shard);
  if (part.gap) return {&channel, true};
  if (part.complete) {
    fanout.release(subscriber, channel, part.seam);
  } else {
    cursors_.push_back({&channel, cursor.after + frames.size(), {}});
  }
  return {&channel, false};
}

}  // namespace wskit::server
