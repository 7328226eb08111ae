// Carries out what clients ask: one command in, one reply out.
//
// Threads: one, the shard's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/protocol/channel.h"
#include "common/protocol/command.h"
#include "common/protocol/control.h"
#include "common/protocol/position.h"
#include "wsserve/connection/sign_in.h"
#include "wsserve/connection/store_wait.h"
#include "wsserve/fanout/pace.h"
#include "wsserve/people/presence_reporter.h"
#include "wsserve/routing/route_plan.h"
#include "wsserve/type_filter.h"

namespace wskit::server {

class Channel;
class Connection;
struct ReplayStart;
class Shard;
namespace http {
struct AdminRequest;
struct EventStreamRequest;
struct PublishRequest;
}  // namespace http

class CommandRunner {
 public:
  explicit CommandRunner(Shard& shard)
      : shard_(shard),
        routes_([this](std::string_view name) { return find_channel(name); }),
        presence_(shard) {}

  // One text message of a connection.
  void run(Connection& connection, std::string_view text);

  // A publish command that came as an HTTP request, which is answered; as an array
  // if its events are lines.
  void publish_over_http(Connection& connection, const http::PublishRequest& request);

  // Carries out what an administrator asks for by HTTP, if it is one.
  void administer(Connection& connection, const http::AdminRequest& request);

  [[nodiscard]] people::PresenceReporter& presence() { return presence_; }

  // Channels that may be forgotten: looks them up anew when they are named again.
  void let_go_of(std::span<Channel* const> channels);

  // A WebSocket has opened: greets it, and subscribes it unless its token is still
  // awaited.
  void welcome(Connection& connection, const FirstSubscriptions& first, std::chrono::milliseconds heartbeat);

  // A request for server-sent events: refused, or begun with what was missed.
  void open_stream(Connection& connection, const http::EventStreamRequest& request);

 private:
  // Which events of a channel are wanted, and how fast.
  struct Wish {
    TypeFilterPtr filter;
    // The filter is the connection's own, which is not for channels of the server's space.
    bool by_default = false;
    Pace pace;

    [[nodiscard]] TypeFilterPtr filter_of(std::string_view name) const {
      return by_default && protocol::is_server_channel(name) ? nullptr : filter;
    }
    bool matched = false;  // a pattern's answer lists the channels that it matches
  };

  void authenticate(Connection& connection, const protocol::Command& command);
  // What it opens with; of what it may not subscribe it is told.
  void subscribe_first(Connection& connection, const std::vector<std::string>& channels,
                       const protocol::Since& since);
  // Takes back what its user may not subscribe any more, and tells of it.
  void drop_forbidden(Connection& connection);

  void subscribe(Connection& connection, const protocol::Command& command);
  // Checked names and patterns, as one reply tells of them.
  struct Wanted {
    std::string id;  // of the command; empty: none
    std::vector<std::string> names;
    Wish wish;
  };
  // Subscribes once it is known where `since` is.
  void subscribe(Connection& connection, const Wanted& wanted, const protocol::Since& since);
  void subscribe_located(Connection& connection, const Wanted& wanted, const protocol::Since& since);
  // Hands on `since` once it is known where it is; an error if the store cannot be
  // read, or if the names may not be subscribed any more. REQUIRES: check() of them.
  using Located = std::function<void(Connection&, const protocol::Result<protocol::Since>&)>;
  void locate(Connection& connection, const std::vector<std::string>& names, const protocol::Since& since,
              const Located& then);
  void stream_located(Connection& connection, const Wanted& wanted, const protocol::Since& since);
  void tell_gaps(Connection& connection, const std::vector<protocol::SubscribedChannel>& channels);
  // The channels among those names that are there already.
  [[nodiscard]] std::vector<Channel*> known_channels(const std::vector<std::string>& names);
  void unsubscribe(Connection& connection, const protocol::Command& command);
  // False if it was not subscribed. The last of several is followed by
  // Connection::subscriptions_left().
  bool end_subscription(Connection& connection, std::string_view name);
  void history(Connection& connection, const protocol::Command& command);
  void presence(Connection& connection, const protocol::Command& command);
  void list_connections(Connection& connection, const http::AdminRequest& request);
  void list_channels(Connection& connection, const http::AdminRequest& request);
  void publish(Connection& connection, const protocol::Command& command);
  // Publishes all events of the command or, for the reason it returns, none;
  // then published_ and on_the_way_ tell of them.
  [[nodiscard]] std::optional<protocol::Error> publish_events(Connection& connection,
                                                              const protocol::Command& command);
  boost::system::result<const protocol::Command*, protocol::CommandError> parse(const Connection& connection,
                                                                                std::string_view text);
  void refuse(Connection& connection, std::string_view id, const protocol::Error& error);

  // Why the names may not be subscribed; nothing if they may.
  [[nodiscard]] std::optional<protocol::Error> check(Connection& connection,
                                                     const std::vector<std::string_view>& names);
  // The same for the number of them.
  [[nodiscard]] std::optional<protocol::Error> check_subscriptions(const Connection& connection,
                                                                   std::size_t added);
  // Subscribes one checked name or pattern, or changes its wish if it is
  // subscribed already.
  protocol::SubscribedChannel add(Connection& connection, std::string_view name, const Wish& wish,
                                  const protocol::Since& since);
  // Where a name stands, with nothing recovered and nothing replayed.
  protocol::SubscribedChannel stand(std::string_view name, const Wish& wish);
  protocol::SubscribedChannel add_channel(Connection& connection, std::string_view name, TypeFilterPtr filter,
                                          const protocol::Since& since);
  protocol::SubscribedChannel add_pattern(Connection& connection, std::string_view text, const Wish& wish,
                                          const protocol::Since& since);
  // Starts the replay of one channel and tells of it in `entry`. `live`: another
  // subscription of the connection brings its events already.
  ReplayStart begin_replay(Connection& connection, Channel& channel, const protocol::Since& since, bool live,
                           protocol::SubscribedChannel& entry);
  // Channels that a reader has heard of and that are not there yet, so that it is
  // told that what it knows of them is over. False if the server has no room for one.
  [[nodiscard]] bool make_known_channels(const protocol::Pattern& pattern, const protocol::Since& since);
  // Null: the server has too many channels, as server_is_full() says.
  Channel* find_channel(std::string_view name);
  [[nodiscard]] protocol::Error server_is_full(std::string_view name) const;

  Shard& shard_;
  protocol::CommandParser parser_;
  // Needs no lock, and does not grow stale: see let_go_of().
  std::unordered_map<std::string_view, Channel*> channels_;
  routing::RoutePlan routes_;
  people::PresenceReporter presence_;
  std::vector<Channel*> targets_;  // of the events being published, in their order
  std::vector<protocol::Published> published_;
  std::string_view acknowledged_at_;          // of these; the shard's, good until the turn's next timestamp
  std::vector<StoreWait::Event> on_the_way_;  // to the store
  std::string text_;
};

}  // namespace wskit::server
