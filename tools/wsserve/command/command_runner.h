// Carries out what clients ask: one command in, one reply out.
//
// Threads: one, the shard's.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/channel.h"
#include "common/protocol/command.h"
#include "common/protocol/position.h"
#include "common/protocol/reply.h"
#include "common/text_hash.h"
#include "wsserve/command/history_query.h"
#include "wsserve/command/presence_reporter.h"
#include "wsserve/command/route_plan.h"
#include "wsserve/connection/command_handler.h"
#include "wsserve/connection/pending_replies.h"
#include "wsserve/connection/sign_in.h"
#include "wsserve/fanout/fanout.h"
#include "wsserve/fanout/pace.h"
#include "wsserve/fanout/type_filter.h"
#include "wsserve/index/pattern_index.h"
#include "wsserve/loop/timing_wheel.h"

namespace wskit::server {

class Channel;
class Client;
struct CommandHost;
class Connection;
class Exchange;
class Peer;
class Producer;
struct ReplayStart;
class Subscriptions;

class CommandRunner final : public CommandHandler {
 public:
  // `host` may be filled later, before the first call.
  explicit CommandRunner(CommandHost& host)
      : host_(host),
        routes_([this](std::string_view name) { return find_channel(*publishing_, For::kPublishing, name); }),
        presence_(host),
        history_(host) {}

  // CommandHandler.
  void welcome(Peer& peer, const FirstSubscriptions& first, std::chrono::milliseconds heartbeat,
               std::size_t max_message_bytes) override;
  void run(Peer& peer, std::string_view text) override;
  void refuse_unread(Peer& peer, const protocol::Error& error) override;
  void publish_over_http(Exchange& exchange, const http::PublishRequest& request) override;
  void administer(Exchange& exchange, const http::AdminRequest& request) override;
  void open_stream(Exchange& exchange, const http::EventStreamRequest& request) override;
  void leaving(const Peer& peer, std::string_view name) override { presence_.unsubscribing(peer, name); }
  void read_page(Connection& asking, Channel& channel, const protocol::Since& since, std::size_t limit,
                 std::size_t max_bytes, const Paged& then) override {
    history_.page(asking, channel, since, limit, max_bytes, then);
  }
  void read_on(Peer& peer, Channel& channel, std::uint64_t after, std::uint64_t newest,
               std::size_t max_bytes) override {
    history_.read_on(peer, channel, after, newest, max_bytes);
  }

  [[nodiscard]] people::PresenceReporter& presence() { return presence_; }

  // Channels that may be forgotten: looks them up anew when they are named again.
  void let_go_of(std::span<Channel* const> channels);

 private:
  // The one who subscribes: a peer, or a request that is to become one and has no subscriptions
  // yet.
  // It stays as long as its connection, and may be kept while that is suspended.
  struct Asker {
    explicit Asker(Peer& asking);
    explicit Asker(Exchange& asking);
    [[nodiscard]] const Client& client() const;
    [[nodiscard]] const Subscriptions& subscriptions() const;

    Connection& connection;
    const Peer* peer;  // null: a request
  };

  // Which events of a channel are wanted, and how fast.
  struct SubscriptionTerms {
    TypeFilterPtr filter;
    // The filter is the connection's own, which is not for channels of the server's space.
    bool by_default = false;
    bool unasked = false;  // the server subscribes on its own
    Pace pace;
    bool matched = false;          // a pattern's answer lists the channels that it matches
    bool keeps_positions = false;  // a stream's reader has them in its ids instead

    [[nodiscard]] TypeFilterPtr filter_of(std::string_view name) const {
      return by_default && protocol::is_server_channel(name) ? nullptr : filter;
    }
    [[nodiscard]] bool tells_matches() const { return matched || keeps_positions; }
  };

  // Any but publish and ping, which take no time.
  void carry_out(Peer& peer, const protocol::Command& command);
  void authenticate(Peer& peer, const protocol::Command& command);
  // Subscribes to the channels that the connection was opened with, and tells the peer which of
  // them it may not have.
  void subscribe_first(Peer& peer, const std::vector<std::string>& channels, const FirstSubscriptions& first);
  // Takes back what its user may not subscribe any more, and tells of it.
  void drop_forbidden(Peer& peer);

  void subscribe(Peer& peer, const protocol::Command& command);
  // Checked names and patterns, as one reply tells of them.
  struct SubscribeRequest {
    std::string id;  // of the command; empty: none
    std::vector<std::string> names;
    SubscriptionTerms terms;
  };
  // Subscribes once it is known where `since` is.
  void subscribe(Peer& peer, const SubscribeRequest& request, const protocol::Since& since);
  void subscribe_located(Peer& peer, const SubscribeRequest& request, const protocol::Since& since);
  // Hands on `since` once it is known where it is and the names are cheap to subscribe;
  // an error if the store cannot be read, or if the names may not be subscribed (any
  // more). REQUIRES: check() of them.
  using Located = std::function<void(const protocol::Result<protocol::Since>&)>;
  void locate(const Asker& asker, const SubscribeRequest& request, const protocol::Since& since,
              const Located& then);
  // Prepares the fan-out for the patterns among the names, a slice at a time between the turns
  // where there are many channels; then calls `then`.
  void prepare(const Asker& asker, const std::vector<std::string>& names,
               const std::function<void(bool at_once)>& then);
  void locate_in_store(const Asker& asker, const std::vector<std::string>& names,
                       const protocol::Since& since, const Located& then);
  void stream_located(Peer& peer, const SubscribeRequest& request, const protocol::Since& since);
  void tell_gaps(Peer& peer, const std::vector<protocol::SubscribedChannel>& channels);
  // The channels among those names that are there already.
  [[nodiscard]] std::vector<Channel*> known_channels(const Client& client,
                                                     const std::vector<std::string>& names);
  void unsubscribe(Peer& peer, const protocol::Command& command);
  // False if it was not subscribed. The last of several is followed by
  // Peer::subscriptions_left().
  bool end_subscription(Peer& peer, std::string_view name);
  void history(Peer& peer, const protocol::Command& command);
  void presence(Peer& peer, const protocol::Command& command);
  void list_connections(Exchange& exchange, const http::AdminRequest& request);
  void list_channels(Exchange& exchange, const http::AdminRequest& request);
  void publish(Peer& peer, const protocol::Command& command);
  // Finds the channels of all events of the command, and of their copies, before the first
  // one is published: targets_ and routes_ hold them. Returns why there are none.
  [[nodiscard]] std::optional<protocol::Error> find_targets(const Client& client,
                                                            const protocol::Command& command);
  // Publishes all events of the command or, for the reason it returns, none;
  // then published_ and on_the_way_ tell of them.
  [[nodiscard]] std::optional<protocol::Error> publish_events(Client& client,
                                                              const protocol::Command& command);
  // Why the events of the command must not be published: a channel among targets_ has
  // forgotten whether it had one of them. `newest` becomes the greatest sequence, and
  // not less than that of any event before.
  [[nodiscard]] std::optional<protocol::Error> check_sequences(const protocol::Command& command,
                                                               const Producer& producer,
                                                               protocol::SystemMicros now,
                                                               std::int64_t& newest) const;
  // `id`: of the command that is answered; empty: none.
  void reply(Peer& peer, std::string_view id, const protocol::Reply& reply);
  void refuse(Peer& peer, std::string_view id, const protocol::Error& error);
  // A command that publishes so many events has come. True: too fast, and it is refused.
  [[nodiscard]] bool refuse_over_rate(Peer& peer, std::string_view id, std::size_t events);
  // The reply to what was published last, for when all of it is settled. `batch`: its data is
  // an array.
  [[nodiscard]] PublishedReply pending_reply(std::string_view id, bool batch) const;

  // Why the names may not be subscribed; nothing if they may.
  [[nodiscard]] std::optional<protocol::Error> check(const Asker& asker,
                                                     const std::vector<std::string_view>& names);
  // The same for the number of them: as many as there will be, and of those that are
  // new all and the patterns.
  [[nodiscard]] std::optional<protocol::Error> check_subscriptions(const Asker& asker, std::size_t in_the_end,
                                                                   std::size_t added,
                                                                   std::size_t added_patterns);
  // The same for what its patterns match, where that is looked at one by one.
  [[nodiscard]] std::optional<protocol::Error> check_matches(const std::vector<std::string>& names);
  // Those of the names that are patterns.
  [[nodiscard]] static std::vector<protocol::Pattern> patterns_of(const std::vector<std::string>& names);
  // The answer to a subscription, bounded while it is gathered.
  struct Told {
    static constexpr std::size_t kItself = SIZE_MAX;
    // A channel whose events another subscription brings already.
    struct Live {
      std::size_t match;  // of the entry; kItself: a name's own position
      Fanout::Stand stand;
      std::size_t entry;
    };

    std::size_t room;  // in bytes, for lists
    std::vector<protocol::SubscribedChannel> channels{};
    std::vector<Live> live{};
    // Filters that were put together last, for many names have the same.
    TypeFilterPtr before{};
    TypeFilterPtr added{};
    std::optional<TypeFilterPtr> both{};

    // False: there is no room for one more of that name.
    [[nodiscard]] bool take_room(std::string_view name);
  };
  Told add_all(Peer& peer, const SubscribeRequest& request, const protocol::Since& since);
  // Subscribes the checked name or pattern of the answer's last entry, or changes its
  // terms if it is subscribed already; the entry tells of it.
  void add(Peer& peer, const SubscriptionTerms& terms, const protocol::Since& since, Told& answer);
  // Tells where the channel stands, with nothing recovered and nothing replayed.
  void stand(Peer& peer, const SubscriptionTerms& terms, Told& answer);
  void add_channel(Peer& peer, TypeFilterPtr filter, const protocol::Since& since, Told& answer);
  void add_pattern(Peer& peer, const SubscriptionTerms& terms, const protocol::Since& since, Told& answer);
  // False: no more matches have to be told of.
  [[nodiscard]] bool tell_where_it_joins(Peer& peer, Channel& channel, bool live,
                                         const SubscriptionTerms& terms, Told& answer);
  // Starts the replay of one channel and tells of it. `live`: another subscription of
  // the connection brings its events already.
  ReplayStart begin_replay(Peer& peer, Channel& channel, const protocol::Since& since, bool live,
                           const SubscriptionTerms& terms, Told& answer);
  // `live_seam`: where its position was taken, if it is live; 0: it is not. False as above.
  [[nodiscard]] bool tell_match(Peer& peer, const protocol::SubscribedMatch& match, std::uint64_t live_seam,
                                const Channel& channel, const SubscriptionTerms& terms, Told& answer);
  void tell_delivered(const Peer& peer, Told& answer);
  // Makes channels that a reader has heard of and that are not there yet, so that it is
  // told that what it knows of them is over. By pattern: false if the server had no room
  // for one that it matches.
  using MadeKnown = PatternIndex<std::unique_ptr<bool>>;
  [[nodiscard]] MadeKnown make_known(const Client& client, const std::vector<std::string>& names,
                                     const protocol::Since& since);
  enum class For : std::uint8_t { kPublishing, kSubscribing };
  // The channel of that name, made if it is new; then it counts to whoever is at the other
  // end. Null: there are too many in all or of theirs, as no_room() says right behind it.
  Channel* find_channel(const Client& client, For what, std::string_view name);
  [[nodiscard]] protocol::Error no_room(const Client& client, std::string_view name) const;
  [[nodiscard]] static protocol::Error unread_answers();
  // After what may have taken long: the connection's next command waits for its turn.
  void let_others_go_on(Peer& peer, Clock::time_point began);

  CommandHost& host_;
  protocol::CommandParser parser_;
  // Needs no lock, and does not grow stale: see let_go_of().
  boost::unordered_flat_map<std::string_view, Channel*, TextHash, std::equal_to<>> channels_;
  const Client* publishing_ = nullptr;  // whose command find_targets() is looking at
  bool share_is_taken_ = false;         // why find_channel() found none as last
  routing::RoutePlan routes_;
  people::PresenceReporter presence_;
  HistoryQuery history_;
  std::vector<Channel*> targets_;  // of the events being published, in their order
  std::vector<protocol::Published> published_;
  std::string_view acknowledged_at_;  // of these; the shard's, good until the turn's next timestamp
  // Those of published_ that the broker has not settled, or has refused.
  struct OnTheWay {
    std::size_t index;
    broker::Ticket ticket;  // 0: refused
  };
  std::vector<OnTheWay> on_the_way_;
  std::string text_;
  // How long commands have taken in the turn that began then.
  Clock::time_point turn_{};
  Clock::duration spent_{};
};

}  // namespace wskit::server
