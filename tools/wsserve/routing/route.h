// A rule of the operator: events of some channels are delivered to others too.
//
//     from = ["alerts"]   to = ["unified", "market/{/symbol}"]   when = { type = "alert" }
//
// Knows no channel, only names.
//
// Threads: immutable, shared by the channels that it is for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/protocol/channel.h"
#include "common/protocol/channel_template.h"
#include "common/protocol/command.h"
#include "common/protocol/error.h"
#include "common/protocol/json_path.h"
#include "wsserve/routing/condition.h"

namespace wskit::server::routing {

// Why an event is not delivered to a channel that a rule names. Counted apart.
enum class Failure : std::uint8_t {
  kNoValue,     // what a place asks for is not there, or is no string, number or boolean
  kBadChannel,  // it is, but makes no name
  kServerFull,  // the channel would be new, and there are as many as there may be
  kNotStored,   // the store does not take it now
};
inline constexpr std::size_t kFailures = 4;

// Where the events go: `market/{/symbol}`. A place is a path into data, `{1}` to
// `{16}` for a segment of the channel that the event comes from, or `{type}`.
class Target {
 public:
  [[nodiscard]] static protocol::Result<Target> parse(std::string_view text);

  // The channel for one event of the channel `from`, in `out`; or why there is none.
  [[nodiscard]] std::optional<Failure> name(const protocol::PublishEvent& event, std::string_view from,
                                            std::string& out) const;

  // Matches all that name() can say.
  [[nodiscard]] protocol::Pattern reach() const { return name_.reach(); }
  [[nodiscard]] const std::string& text() const { return name_.text(); }

 private:
  struct Type {};
  struct Segment {
    std::size_t index = 0;
  };
  using Place = std::variant<Type, Segment, protocol::JsonPath>;

  explicit Target(protocol::ChannelTemplate name) : name_(std::move(name)) {}
  [[nodiscard]] static protocol::Result<Place> parse_place(const std::string& text);

  protocol::ChannelTemplate name_;
  std::vector<Place> places_;
};

struct Route {
  std::vector<protocol::Pattern> from;
  std::vector<protocol::Pattern> except;  // of these
  std::vector<Target> to;
  std::vector<Condition> when;  // all must hold

  [[nodiscard]] bool is_for(std::string_view channel) const;
  [[nodiscard]] bool takes(const protocol::PublishEvent& event) const;
};

using RoutePtr = std::shared_ptr<const Route>;
// Those for one channel, in the order of the file. Never empty.
using ChannelRoutes = std::vector<RoutePtr>;
using ChannelRoutesPtr = std::shared_ptr<const ChannelRoutes>;

// Null: none is for the channel.
[[nodiscard]] ChannelRoutesPtr routes_for(const std::vector<RoutePtr>& routes, std::string_view channel);

// The rules by which an event could come back to where it was, as indexes in
// their order, the first one again at the end; empty if there is no such loop.
// Names are compared as patterns, conditions are not looked at: what is not a loop
// in truth may be found to be one, but not the other way round.
[[nodiscard]] std::vector<std::size_t> find_loop(const std::vector<RoutePtr>& routes);

}  // namespace wskit::server::routing
