// One channel: the order of its events, and which shards want them.
//
// Threads: any thread. One short critical section gives an event its offset,
// builds its frame and hands it to the inboxes, so that every subscriber of the
// channel sees the same order.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/command.h"
#include "wsserve/chunk.h"

namespace wskit::server {

class Inbox;
class LocalChannel;

// Where a channel stands.
struct Position {
  std::uint64_t offset = 0;  // of its newest event; 0: none yet
  std::string_view epoch;    // lives as long as the channel
};

class Channel {
 public:
  // `inboxes`: one a shard, in the shards' order; they outlive the channel.
  Channel(std::string name, std::string epoch, std::span<const std::unique_ptr<Inbox>> inboxes,
          std::uint64_t interested_shards);
  ~Channel();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string_view epoch() const { return epoch_; }

  // Appends one event. `receive_time` stands in where the event brought no
  // timestamp of its own. Returns the event's offset.
  std::uint64_t publish(const protocol::PublishEvent& event, std::string_view receive_time);

  // From now on events go to the inbox of `shard` too. Returns where the channel
  // stands, and in `seam` the inbox's count of deliveries at that moment: those
  // that come after it are exactly the events after the position.
  Position join(std::size_t shard, std::uint64_t& seam);

  // Makes sure that events go to the inbox of `shard`, for a pattern.
  void show_interest(std::size_t shard);
  // Nobody on `shard` listens any more.
  void lose_interest(std::size_t shard);

  [[nodiscard]] Position position() const;

  // The shard's own view of the channel; only that shard's thread may touch it.
  [[nodiscard]] std::unique_ptr<LocalChannel>& local(std::size_t shard) { return local_[shard]; }

 private:
  const std::string name_;
  const std::string epoch_;
  const std::span<const std::unique_ptr<Inbox>> inboxes_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::uint64_t offset_ = 0;
  std::uint64_t interested_shards_;  // a bit a shard

  std::vector<std::unique_ptr<LocalChannel>> local_;
};

}  // namespace wskit::server
