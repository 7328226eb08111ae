// Who comes and goes on channels that somebody watches: `join` and `leave` on
// `@presence/<channel>`.
//
// A member is a user, with all connections on all shards, or an anonymous
// connection. Whoever is back within kPatience has not left. Channels that nobody
// watches cost nothing.
//
// Threads: any; each shard tells of its own connections.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/channel.h"
#include "wsserve/index/pattern_index.h"
#include "wsserve/loop/timing_wheel.h"

namespace wskit::server {

class Hub;

namespace people {

class Presence {
 public:
  // Between the end of a member's last subscription and its `leave`.
  static constexpr std::chrono::milliseconds kPatience{1'000};

  struct Member {
    std::string connection;  // its id
    std::string user;        // empty: anonymous
  };

  explicit Presence(Hub& hub) : hub_(hub) {}

  // Somebody subscribes `@presence/<channels>`; and no longer does.
  void watch(const protocol::Pattern& channels);
  void unwatch(std::span<const protocol::Pattern> channels);
  void unwatch(const protocol::Pattern& channels) { unwatch(std::span(&channels, 1)); }

  [[nodiscard]] bool any_watched() const { return watches_.load(std::memory_order_acquire) > 0; }
  [[nodiscard]] bool is_watched(std::string_view channel) const;

  // The connection was there before the channel was watched.
  void was_here(const std::string& channel, const Member& member);
  void came(const std::string& channel, const Member& member);
  void went(const std::string& channel, const Member& member, Clock::time_point now);

  // Tells of those who have not come back in time; when the next ones are due.
  std::optional<Clock::time_point> tell_left(Clock::time_point now);

 private:
  struct State {
    Member last;                        // who came or went last
    std::set<std::string> connections;  // empty: about to leave
    Clock::time_point leaves{};
  };
  using Members = std::map<std::string, State>;  // by user or connection
  // Whoever is not back in time has left.
  struct Leaving {
    std::string channel;
    std::string member;
  };

  [[nodiscard]] bool is_watched_locked(std::string_view channel) const;
  void tell(const std::string& channel, std::string_view type, const Member& member);

  Hub& hub_;
  std::atomic<std::size_t> watches_{0};

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  PatternIndex<std::size_t> watched_;  // how often each is
  std::map<std::string, Members, std::less<>> channels_;
  std::multimap<Clock::time_point, Leaving> leaving_;  // by when that is
};

}  // namespace people
}  // namespace wskit::server
