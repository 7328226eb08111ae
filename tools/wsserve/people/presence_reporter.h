// What one shard tells of its connections on watched channels.
//
// Threads: one, the shard's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/protocol/channel.h"
#include "wsserve/people/presence.h"
#include "wsserve/timing_wheel.h"

namespace wskit::server {

class Connection;
class Shard;

namespace people {

class PresenceReporter final : TimingWheel::Entry {
 public:
  explicit PresenceReporter(Shard& shard) : shard_(shard) {}

  // The connection is about to subscribe a name or pattern, or to end that.
  void subscribing(const Connection& connection, std::string_view name);
  void unsubscribing(const Connection& connection, std::string_view name);
  // Its user is another one.
  void renamed(const Connection& connection);

  // Looks again at who is on the channels of that pattern, and which are watched.
  void look(const protocol::Pattern& channels);

 private:
  using Members = std::map<std::uint64_t, Presence::Member>;  // by the connection's number

  [[nodiscard]] Presence& presence() const;
  // Null: nobody watches the channel. Those who are on it already are told of.
  Members* members(std::string_view channel);
  void went(const std::string& channel, const Presence::Member& member);
  void on_deadline() override;

  Shard& shard_;
  std::map<std::string, Members, std::less<>> told_;  // by channel, what presence() knows of this shard
  bool waits_ = false;                                // for on_deadline()
};

}  // namespace people
}  // namespace wskit::server
