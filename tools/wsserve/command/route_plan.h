// Finds the channels that the events of one command go to besides those that they name, before
// the first of them is published.
//
// Threads: one, the shard's. Keeps its buffers from command to command.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/command.h"
#include "wsserve/channel/channel.h"
#include "wsserve/routing/route.h"

namespace wskit::server {

struct ShardCounters;

namespace routing {

class RoutePlan {
 public:
  // The channel of that name, made if it is new; null where there are too many.
  using FindChannel = std::function<Channel*(std::string_view)>;

  explicit RoutePlan(FindChannel find) : find_(std::move(find)) {}

  void clear();
  // Adds the next event. Copies are routed on: a channel gets the event once,
  // however many rules lead there.
  void add(Channel& source, const protocol::PublishEvent& event);

  // The channels for copies of the event at `index`.
  [[nodiscard]] std::span<Channel* const> copies(std::size_t index) const;
  // Counts what became of them.
  void count(std::size_t index, const Accepted& accepted, ShardCounters& counters) const;

 private:
  struct Planned {
    std::uint32_t end = 0;  // of its channels in copies_
    bool routed = false;    // some route is for its channel
    std::array<std::uint32_t, kFailures> failures{};
  };

  void follow(const Route& route, std::string_view from, const protocol::PublishEvent& event,
              const Channel& source);
  [[nodiscard]] bool reached(const Channel* channel) const;

  const FindChannel find_;
  std::vector<Planned> planned_;
  std::vector<Channel*> copies_;
  std::size_t first_ = 0;  // in copies_, of the event at hand
  std::string name_;
};

}  // namespace routing
}  // namespace wskit::server
