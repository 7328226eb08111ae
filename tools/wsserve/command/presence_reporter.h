// Tells who of one shard's connections comes to watched channels and who leaves them.
//
// Threads: one, the shard's.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/channel.h"
#include "wsserve/loop/timing_wheel.h"
#include "wsserve/presence/presence.h"

namespace wskit::server {

struct CommandHost;
class Peer;

namespace people {

class PresenceReporter final : TimingWheel::Entry {
 public:
  explicit PresenceReporter(CommandHost& host) : host_(host) {}

  // The peer is about to subscribe a name or pattern, or to end that.
  void subscribing(const Peer& peer, std::string_view name);
  void unsubscribing(const Peer& peer, std::string_view name);
  // Its user is another one.
  void renamed(const Peer& peer);

  // Looks again, once the turn is over, at who is on the channels of these names and patterns, and
  // which are watched.
  void look(std::span<const std::string> channels);

  // Before the answers of a turn are written: who is told that a watch has ended may count
  // on it, whichever shard serves the next command.
  void stop_watching();
  // At the end of a turn: does at once what its commands have asked for.
  void end_turn();

 private:
  using Members = std::map<std::uint64_t, Presence::Member>;  // by the connection's number

  [[nodiscard]] Presence& presence() const;
  // Null: nobody watches the channel. Those who are on it already are told of.
  Members* members(std::string_view channel);
  void look_now();
  void meet(const std::string& channel, const Peer& peer);
  void went(const std::string& channel, const Presence::Member& member);
  void on_deadline() noexcept override;

  CommandHost& host_;
  std::map<std::string, Members, std::less<>> told_;  // by channel, what presence() knows of this shard
  std::vector<protocol::Pattern> unwatched_;          // in this turn
  std::vector<std::string> to_look_at_;               // the same
  bool waits_ = false;                                // for on_deadline()
};

}  // namespace people
}  // namespace wskit::server
