// Subscribing: what a connection hears, and where it begins.
#include <fmt/format.h>

#include <algorithm>

#include "common/protocol/channel.h"
#include "wsserve/audit/records.h"
#include "wsserve/auth/permissions.h"
#include "wsserve/command_runner.h"
#include "wsserve/connection/connection.h"
#include "wsserve/hub.h"
#include "wsserve/shard.h"

namespace wskit::server {

using protocol::Command;
using protocol::Error;
using protocol::ErrorCode;

namespace {

auto find_subscription(Connection& connection, std::string_view name) {
  return std::ranges::find_if(connection.subscriptions(),
                              [&](const auto& subscription) { return subscription->name() == name; });
}

std::vector<std::string> names_of(const std::vector<std::string_view>& views) {
  return {views.begin(), views.end()};
}

protocol::SubscribedMatch stand_of(const Channel& channel) {
  const Position position = channel.position();
  return {.channel = channel.name(), .offset = position.offset, .epoch = position.epoch, .oldest = {}};
}

// What a match takes besides its name.
constexpr std::size_t kMatchBytes = 128;

// An answer is no longer than a message may be: lists that would not fit are left out.
void limit_matched(std::vector<protocol::SubscribedChannel>& channels, std::size_t max_bytes) {
  std::size_t bytes = 0;
  for (protocol::SubscribedChannel& entry : channels) {
    if (!entry.matched) continue;
    for (const protocol::SubscribedMatch& match : *entry.matched) bytes += match.channel.size() + kMatchBytes;
    if (bytes > max_bytes) entry.matched.reset();
  }
}

// A position is one channel's, and never meant for the server's own ones, which it
// subscribes besides.
protocol::Since since_of(std::string_view name, const protocol::Since& since) {
  const bool position = std::holds_alternative<protocol::Position>(since);
  return position && protocol::is_server_channel(name) ? protocol::FromNow{} : since;
}

// The types that pass on one of those names at least; empty: more than can be listed.
std::vector<std::string> passing_types(Connection& connection, const std::vector<std::string>& names) {
  std::optional<TypeFilterPtr> passing;
  for (const std::string& name : names) {
    const auto known = find_subscription(connection, name);
    if (known == connection.subscriptions().end() || protocol::is_server_channel(name)) continue;
    passing = passing ? TypeFilter::either(*passing, (*known)->filter) : (*known)->filter;
  }
  if (!passing || *passing == nullptr || (*passing)->all_but()) return {};
  return (*passing)->types();
}

// Whether the connection hears the channel live already.
bool is_live(const Connection& connection, const Channel& channel) {
  return connection.selects(channel) && !connection.is_catching_up(channel);
}

}  // namespace

std::optional<Error> CommandRunner::check(Connection& connection,
                                          const std::vector<std::string_view>& names) {
  for (const std::string_view name : names) {
    if (connection.owns_channel(name)) continue;
    if (auto error = auth::check_subscribe(connection.identity(), name)) return error;
  }
  std::vector<std::string_view> added;
  for (const std::string_view name : names) {
    if (find_subscription(connection, name) == connection.subscriptions().end()) added.push_back(name);
  }
  if (auto error = check_subscriptions(connection, added.size())) {
    shard_.counters().refused_subscriptions.add();
    return error;
  }
  // Last, for it makes the channels that are new: what is refused leaves none behind.
  for (const std::string_view name : added) {
    if (!protocol::looks_like_pattern(name) && find_channel(name) == nullptr) return server_is_full(name);
  }
  return std::nullopt;
}

std::optional<Error> CommandRunner::check_subscriptions(const Connection& connection, std::size_t added) {
  const auto too_many = [](std::string message, std::size_t limit) {
    return Error{ErrorCode::kTooManyChannels, std::move(message), fmt::format(R"({{"limit":{}}})", limit)};
  };
  const std::size_t limit = shard_.settings().max_channels_per_connection;
  if (connection.subscriptions().size() + added > limit) {
    return too_many(
        fmt::format("a connection may subscribe {} channels and patterns; use a pattern, or unsubscribe some "
                    "(--max-channels)",
                    limit),
        limit);
  }
  const std::size_t in_all = shard_.settings().limits.subscriptions;
  if (in_all == 0 || added == 0 || shard_.server().subscriptions() + added <= in_all) return std::nullopt;
  return too_many(
      fmt::format("the server has room for {} subscriptions of all connections, and no more now; use a "
                  "pattern, or try again later (--max-subscriptions)",
                  in_all),
      in_all);
}

void CommandRunner::subscribe(Connection& connection, const Command& command) {
  if (!command.filter.empty()) {
    return refuse(connection, command.id,
                  {ErrorCode::kBadCommand, "filter is not served here: leave it out, and use events", {}});
  }
  Pace pace = connection.default_pace();
  if (!command.max_rate.empty() || !command.conflate.empty()) {
    const auto parsed = parse_pace(command.max_rate, command.conflate);
    if (!parsed) return refuse(connection, command.id, parsed.error());
    pace = *parsed;
  }
  protocol::Since since;
  if (!command.since.empty()) {
    const auto parsed = protocol::parse_since(command.since, protocol::system_now());
    if (!parsed) return refuse(connection, command.id, parsed.error());
    since = *parsed;
  }
  TypeFilterPtr filter = connection.default_filter();
  if (command.event_types) filter = TypeFilter::only(names_of(*command.event_types));
  std::vector<std::string_view> names;
  if (command.channels) {
    names = *command.channels;
  } else {
    // No channels: the defaults, and, for a filter, everything there is already but the
    // server's own, of which nobody was asked.
    for (const std::string& name : shard_.settings().default_channels) names.push_back(name);
    if (command.event_types) {
      for (const auto& subscription : connection.subscriptions()) {
        const std::string& name = subscription->name();
        if (protocol::is_server_channel(name)) continue;
        if (std::ranges::find(names, name) == names.end()) names.push_back(name);
      }
    }
  }
  if (!command.matched.empty() && command.matched != "true" && command.matched != "false") {
    return refuse(connection, command.id, {ErrorCode::kBadCommand, "matched is true or false", {}});
  }
  if (const auto error = check(connection, names)) return refuse(connection, command.id, *error);
  subscribe(connection,
            {std::string(command.id),
             names_of(names),
             {.filter = filter,
              .by_default = !command.event_types,
              .pace = pace,
              .matched = command.matched == "true"}},
            since);
}

void CommandRunner::subscribe(Connection& connection, const Wanted& wanted, const protocol::Since& since) {
  locate(connection, wanted.names, since,
         [this, wanted](Connection& asking, const protocol::Result<protocol::Since>& located) {
           if (!located) return refuse(asking, wanted.id, located.error());
           subscribe_located(asking, wanted, *located);
         });
}

void CommandRunner::locate(Connection& connection, const std::vector<std::string>& names,
                           const protocol::Since& since, const Located& then) {
  const bool by_time = std::holds_alternative<protocol::SystemMicros>(since) ||
                       std::holds_alternative<protocol::FromPositions>(since);
  if (!by_time || shard_.hub().store() == nullptr) return then(connection, since);
  const auto check_again = [this, names, then](Connection& asking,
                                               const protocol::Result<protocol::Since>& located) {
    if (!located) return then(asking, located);
    // Channels that nobody used meanwhile may be gone, and others in their places.
    const auto error = check(asking, {names.begin(), names.end()});
    then(asking, error ? *error : located);
  };
  shard_.history().locate(connection, known_channels(names), since, check_again);
}

std::vector<Channel*> CommandRunner::known_channels(const std::vector<std::string>& names) {
  std::vector<Channel*> channels;
  for (const std::string& name : names) {
    if (!protocol::looks_like_pattern(name)) {
      channels.push_back(find_channel(name));
      continue;
    }
    const auto matching = shard_.hub().matching(*protocol::Pattern::parse(name));
    channels.insert(channels.end(), matching.begin(), matching.end());
  }
  return channels;
}

void CommandRunner::subscribe_located(Connection& connection, const Wanted& wanted,
                                      const protocol::Since& since) {
  std::vector<protocol::SubscribedChannel> channels;
  for (const std::string& name : wanted.names) {
    channels.push_back(add(connection, name, wanted.wish, since_of(name, since)));
  }
  limit_matched(channels, shard_.settings().message_limits.max_message_bytes);
  audit::subscribe(shard_, connection, channels);
  text_.clear();
  protocol::append_subscribed(text_, wanted.id, shard_.timestamp(), channels,
                              passing_types(connection, wanted.names));
  connection.send_text(text_);
  connection.catch_up();
}

protocol::SubscribedChannel CommandRunner::add(Connection& connection, std::string_view name,
                                               const Wish& wish, const protocol::Since& since) {
  if (const auto known = find_subscription(connection, name); known != connection.subscriptions().end()) {
    // Sets of types add up: what is taken out is taken out by unsubscribe.
    shard_.fanout().change_filter(**known, TypeFilter::either((*known)->filter, wish.filter_of(name)));
    shard_.fanout().change_pace(**known, wish.pace);
    return stand(name, wish);
  }
  presence_.subscribing(connection, name);
  shard_.counters().subscriptions.add();
  protocol::SubscribedChannel entry = protocol::looks_like_pattern(name)
                                          ? add_pattern(connection, name, wish, since)
                                          : add_channel(connection, name, wish.filter_of(name), since);
  if (wish.pace.asked_for()) shard_.fanout().change_pace(*connection.subscriptions().back(), wish.pace);
  return entry;
}

protocol::SubscribedChannel CommandRunner::stand(std::string_view name, const Wish& wish) {
  protocol::SubscribedChannel entry{.channel = name, .offset = {}, .epoch = {}, .oldest = {}};
  if (protocol::looks_like_pattern(name)) {
    if (!wish.matched) return entry;
    entry.matched.emplace();
    for (const Channel* channel : shard_.hub().matching(*protocol::Pattern::parse(name))) {
      entry.matched->push_back(stand_of(*channel));
    }
    return entry;
  }
  const Position position = find_channel(name)->position();
  entry.offset = position.offset;
  entry.epoch = position.epoch;
  return entry;
}

protocol::SubscribedChannel CommandRunner::add_channel(Connection& connection, std::string_view name,
                                                       TypeFilterPtr filter, const protocol::Since& since) {
  Channel& channel = *find_channel(name);
  const bool live = is_live(connection, channel);
  Position position;
  connection.subscriptions().push_back(
      shard_.fanout().subscribe(connection, channel, std::move(filter), position));
  protocol::SubscribedChannel entry{
      .channel = name, .offset = position.offset, .epoch = position.epoch, .oldest = {}};
  if (std::holds_alternative<protocol::FromNow>(since)) {
    if (connection.is_catching_up(channel)) connection.join_catch_up(channel, position.offset);
    return entry;
  }
  entry.offset = begin_replay(connection, channel, since, live, entry).newest.offset;
  return entry;
}

bool CommandRunner::make_known_channels(const protocol::Pattern& pattern, const protocol::Since& since) {
  const auto* map = std::get_if<protocol::FromPositions>(&since);
  if (map == nullptr) return true;
  bool all = true;
  for (const auto& [name, position] : map->positions) {
    if (!protocol::check_channel(name) || !pattern.matches(name)) continue;
    all = find_channel(name) != nullptr && all;
  }
  return all;
}

protocol::SubscribedChannel CommandRunner::add_pattern(Connection& connection, std::string_view text,
                                                       const Wish& wish, const protocol::Since& since) {
  const auto pattern = protocol::Pattern::parse(text);
  auto subscription = shard_.fanout().subscribe(connection, *pattern, wish.filter_of(text));
  // Behind the subscription, so that no channel begins unseen; and before the
  // connection has it, for it would make everything live.
  std::vector<std::pair<Channel*, bool>> matching;
  const bool replays = !std::holds_alternative<protocol::FromNow>(since);
  const bool knows_all = make_known_channels(*pattern, since);
  if (replays || wish.matched) {
    for (Channel* channel : shard_.hub().matching(*pattern)) {
      matching.emplace_back(channel, is_live(connection, *channel));
    }
  }
  connection.subscriptions().push_back(std::move(subscription));
  if (!replays) connection.join_catch_ups();
  protocol::SubscribedChannel entry{.channel = text, .offset = {}, .epoch = {}, .oldest = {}};
  entry.recovered = replays && knows_all;
  if (wish.matched) entry.matched.emplace();
  for (const auto& [channel, live] : matching) {
    if (replays) {
      begin_replay(connection, *channel, since, live, entry);
    } else {
      entry.matched->push_back(stand_of(*channel));
    }
  }
  return entry;
}

ReplayStart CommandRunner::begin_replay(Connection& connection, Channel& channel,
                                        const protocol::Since& since, bool live,
                                        protocol::SubscribedChannel& entry) {
  const bool catching_up = connection.is_catching_up(channel);
  // What another subscription brings already is not told twice; what lies
  // before it would come too late to be in order.
  const bool joins = live || catching_up;
  std::vector<ChunkPtr> first;
  const ReplayStart start =
      channel.begin_replay(since, joins ? 0 : connection.head_start_bytes(), shard_.index(), first);
  const bool replays = !joins && start.replayed > 0;
  const bool brought = catching_up && connection.still_brings(channel, start.after);
  const bool whole = start.recovered && (replays || brought || start.replayed == 0);
  // Events since the subscription's own seam belong to the position that is told.
  if (catching_up) connection.join_catch_up(channel, start.after);
  if (!joins && !replays) shard_.fanout().skip(connection, channel, start.seam);
  if (!protocol::looks_like_pattern(entry.channel)) {
    entry.recovered = whole;
    if (!whole) entry.oldest = start.oldest;
  } else if (!whole) {
    entry.recovered = false;
    entry.gaps.push_back({.channel = channel.name(),
                          .offset = start.newest.offset,
                          .epoch = start.newest.epoch,
                          .oldest = start.oldest});
  }
  if (entry.matched) {
    entry.matched->push_back({.channel = channel.name(),
                              .offset = start.newest.offset,
                              .epoch = start.newest.epoch,
                              .recovered = whole,
                              .replayed = replays ? start.replayed : 0,
                              .oldest = whole ? std::nullopt : std::optional(start.oldest)});
  }
  if (replays) {
    entry.replayed += start.replayed;
    connection.begin_catch_up(channel, start.after, std::move(first));
  }
  return start;
}

bool CommandRunner::end_subscription(Connection& connection, std::string_view name) {
  const auto known = find_subscription(connection, name);
  if (known == connection.subscriptions().end()) return false;
  presence_.unsubscribing(connection, name);
  connection.forget_subscription(**known);
  shard_.fanout().unsubscribe(std::move(*known));
  connection.subscriptions().erase(known);
  shard_.counters().subscriptions.subtract();
  return true;
}

void CommandRunner::unsubscribe(Connection& connection, const Command& command) {
  auto& subscriptions = connection.subscriptions();
  std::vector<std::string> names;
  if (command.channels) {
    names = names_of(*command.channels);
  } else {
    for (const auto& subscription : subscriptions) {
      if (command.event_types && protocol::is_server_channel(subscription->name())) continue;
      names.push_back(subscription->name());
    }
  }
  std::vector<std::string_view> left;
  for (const std::string& name : names) {
    const auto known = find_subscription(connection, name);
    if (known == subscriptions.end()) continue;
    left.push_back(name);
    if (command.event_types) {
      shard_.fanout().change_filter(**known, TypeFilter::without((*known)->filter, *command.event_types));
      continue;
    }
    end_subscription(connection, name);
  }
  connection.subscriptions_left();
  audit::unsubscribe(shard_, connection, left);
  text_.clear();
  const auto types = command.event_types ? names_of(*command.event_types) : std::vector<std::string>();
  protocol::append_unsubscribed(text_, command.id, shard_.timestamp(), left, types);
  connection.send_text(text_);
}

}  // namespace wskit::server
