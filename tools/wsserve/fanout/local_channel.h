// One channel as one shard sees it: who listens here, and the run of events that
// this turn brings them.
//
// Threads: one, the shard's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "wsserve/channel/channel.h"
#include "wsserve/fanout/subscriber.h"
#include "wsserve/fanout/subscription.h"
#include "wsserve/frame/chunk.h"

namespace wskit::websocket {
class Deflater;
}

namespace wskit::server {

// An event of this turn. The number is its place among all that reached the
// shard, so that runs of several channels can be merged in order of arrival.
struct RunEntry {
  std::uint64_t number;
  ChunkPtr frame;  // null: the channel's log was broken here
};

// The wire forms that are made once for all: those before WireForm::kOwn.
inline constexpr std::size_t kSharedForms = static_cast<std::size_t>(WireForm::kOwn);

class LocalChannel final : public ShardState {
 public:
  explicit LocalChannel(Channel& channel);

  // The view that this shard has of the channel; null: none.
  [[nodiscard]] static LocalChannel* of(Channel& channel, std::size_t shard) {
    return static_cast<LocalChannel*>(channel.local(shard).get());
  }

  [[nodiscard]] Channel& channel() const { return channel_; }
  // A slow subscriber gets the newest event of each key.
  [[nodiscard]] bool is_latest() const { return latest_; }
  // Looks again at what the channel's delivery is. True if no event may be passed
  // over any more.
  [[nodiscard]] bool became_lossless();

  // Those who subscribed the name, and each pattern that matches it.
  Audience exact;
  std::vector<Audience*> patterns;

  [[nodiscard]] bool has_audience() const { return !exact.empty() || !patterns.empty(); }

  // The events of this turn, in the channel's order.
  std::vector<RunEntry> run;
  bool breaks = false;  // the run has an entry without a frame: nobody gets it as a whole

  // The whole run as one chunk, made on first use and shared by everyone who
  // gets just that.
  [[nodiscard]] const ChunkPtr& joined(WireForm form, websocket::Deflater& deflater);

  void end_turn();

 private:
  Channel& channel_;
  bool latest_;
  std::array<ChunkPtr, kSharedForms> joined_;  // by WireForm
};

// The frame in the wanted form: itself, in CBOR, or compressed where that makes it
// smaller. Made once for all shards.
[[nodiscard]] ChunkPtr in_form(const ChunkPtr& frame, WireForm form, websocket::Deflater& deflater);

// A frame whose text is worth compressing: below this many bytes the header of
// the deflate block eats the gain.
inline constexpr std::size_t kMinDeflatedBytes = 64;

}  // namespace wskit::server
