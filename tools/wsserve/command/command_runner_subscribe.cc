// Subscribing: what a connection hears, and where it begins.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_set>

#include "common/protocol/channel.h"
#include "common/text_hash.h"
#include "wsserve/channel/hub.h"
#include "wsserve/command/command_host.h"
#include "wsserve/command/command_runner.h"
#include "wsserve/connection/connection.h"
#include "wsserve/connection/logs.h"
#include "wsserve/index/pattern_index.h"

namespace wskit::server {

using protocol::Command;
using protocol::Error;
using protocol::ErrorCode;

namespace {

// What a match or a gap takes besides its name.
constexpr std::size_t kMatchBytes = 128;

std::vector<std::string> names_of(const std::vector<std::string_view>& views) {
  return {views.begin(), views.end()};
}

// Each once, in the order in which they come first.
std::vector<std::string_view> each_once(std::vector<std::string_view> names) {
  std::unordered_set<std::string_view, TextHash, std::equal_to<>> seen;
  std::erase_if(names, [&](std::string_view name) { return !seen.insert(name).second; });
  return names;
}

// A position is one channel's, and never meant for the server's own ones, which it
// subscribes besides.
const protocol::Since& since_of(std::string_view name, const protocol::Since& since) {
  static const protocol::Since now = protocol::FromNow{};
  const bool position = std::holds_alternative<protocol::Position>(since);
  return position && protocol::is_server_channel(name) ? now : since;
}

// The types that pass on one of those names at least; empty: more than can be listed.
std::vector<std::string> passing_types(const Connection& connection, const std::vector<std::string>& names) {
  std::optional<TypeFilterPtr> passing;
  // Of names that were subscribed together the filter is the same.
  std::optional<TypeFilterPtr> last;
  for (const std::string& name : names) {
    const Subscription* known = connection.subscriptions().find(name);
    if (known == nullptr || protocol::is_server_channel(name) || known->filter == last) continue;
    last = known->filter;
    passing = passing ? TypeFilter::either(*passing, known->filter) : known->filter;
  }
  if (!passing || *passing == nullptr || (*passing)->all_but()) return {};
  return (*passing)->types();
}

// Whether the connection hears the channel live already.
bool is_live(const Connection& connection, const Channel& channel) {
  return connection.selects(channel) && !connection.is_catching_up(channel);
}

}  // namespace

// --- Subscribing -------------------------------------------------------------

void CommandRunner::subscribe(Connection& connection, const Command& command) {
  if (!command.filter.empty()) {
    return refuse(connection, command.id,
                  {ErrorCode::kBadCommand, "filter is not served here: leave it out, and use events", {}});
  }
  Pace pace = connection.default_pace();
  if (!command.max_rate.empty() || !command.conflate.empty()) {
    const auto parsed = parse_pace(command.max_rate, command.conflate, host_.settings->pace);
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
    for (const std::string& name : host_.settings->default_channels) names.push_back(name);
    if (command.event_types) {
      for (const auto& subscription : connection.subscriptions()) {
        if (!protocol::is_server_channel(subscription->name())) names.push_back(subscription->name());
      }
    }
  }
  if (!command.matched.empty() && command.matched != "true" && command.matched != "false") {
    return refuse(connection, command.id, {ErrorCode::kBadCommand, "matched is true or false", {}});
  }
  const bool matched = command.matched == "true";
  // One short command asks for up to a whole message.
  if (matched && !connection.writer().takes_answers())
    return refuse(connection, command.id, unread_answers());
  names = each_once(std::move(names));
  if (const auto error = check(connection, names)) return refuse(connection, command.id, *error);
  subscribe(connection,
            {std::string(command.id),
             names_of(names),
             {.filter = filter, .by_default = !command.event_types, .pace = pace, .matched = matched}},
            since);
}

void CommandRunner::subscribe(Connection& connection, const SubscribeRequest& request,
                              const protocol::Since& since) {
  locate(connection, request, since,
         [this, request](Connection& asking, const protocol::Result<protocol::Since>& located) {
           if (!located) return refuse(asking, request.id, located.error());
           subscribe_located(asking, request, *located);
         });
}

void CommandRunner::locate(Connection& connection, const SubscribeRequest& request,
                           const protocol::Since& since, const Located& then) {
  if (request.terms.tells_matches() || !std::holds_alternative<protocol::FromNow>(since)) {
    if (const auto error = check_matches(request.names)) return then(connection, *error);
  }
  prepare(connection, request.names,
          [this, names = request.names, since, then](Connection& asking, bool at_once) {
            // Others may have come meanwhile, and channels that nobody used have gone.
            if (!at_once) {
              if (const auto error = check(asking, {names.begin(), names.end()})) return then(asking, *error);
            }
            locate_in_store(asking, names, since, then);
          });
}

void CommandRunner::prepare(Connection& connection, const std::vector<std::string>& names,
                            const std::function<void(Connection&, bool at_once)>& then) {
  std::vector<protocol::Pattern> patterns = patterns_of(names);
  std::erase_if(patterns, [&](const protocol::Pattern& pattern) {
    return connection.subscriptions().find(pattern.text()) != nullptr;
  });
  if (patterns.empty()) return then(connection, true);
  const auto come_back = [this, number = connection.number(), then] {
    host_.inbox.post([this, number, then] {
      Connection* asking = host_.find(number);
      if (asking == nullptr || !asking->is_suspended()) return;
      host_.guard(*asking, "a subscription that waited for its patterns",
                  [&] { asking->resume([&then](Connection& resumed) { then(resumed, false); }); });
    });
  };
  if (host_.fanout.prepare(std::move(patterns), come_back)) return then(connection, true);
  connection.suspend();
}

void CommandRunner::locate_in_store(Connection& connection, const std::vector<std::string>& names,
                                    const protocol::Since& since, const Located& then) {
  const bool by_time = std::holds_alternative<protocol::SystemMicros>(since) ||
                       std::holds_alternative<protocol::FromPositions>(since);
  if (!by_time || !host_.hub.broker().is_durable()) return then(connection, since);
  const auto check_again = [this, names, then](Connection& asking,
                                               const protocol::Result<protocol::Since>& located) {
    if (!located) return then(asking, located);
    // Channels that nobody used meanwhile may be gone, and others in their places.
    const auto error = check(asking, {names.begin(), names.end()});
    then(asking, error ? *error : located);
  };
  history_.locate(connection, known_channels(connection, names), since, check_again);
}

std::vector<Channel*> CommandRunner::known_channels(const Connection& connection,
                                                    const std::vector<std::string>& names) {
  std::vector<Channel*> channels;
  for (const std::string& name : names) {
    if (!protocol::looks_like_pattern(name)) {
      channels.push_back(find_channel(connection, For::kSubscribing, name));
      continue;
    }
    const auto matching = host_.hub.matching(*protocol::Pattern::parse(name));
    channels.insert(channels.end(), matching.begin(), matching.end());
  }
  std::ranges::sort(channels);
  channels.erase(std::unique(channels.begin(), channels.end()), channels.end());
  return channels;
}

CommandRunner::Told CommandRunner::add_all(Connection& connection, const SubscribeRequest& request,
                                           const protocol::Since& since) {
  // What was collected in this turn is not on the way any more.
  host_.fanout.flush_now(connection);
  const MadeKnown known = make_known(connection, request.names, since);
  Told answer{.room = host_.settings->message_limits.max_message_bytes};
  for (const std::string& name : request.names) {
    protocol::SubscribedChannel& entry = answer.channels.emplace_back();
    entry.channel = name;
    add(connection, request.terms, since_of(name, since), answer);
    const std::unique_ptr<bool>* all = known.find(name);
    if (all != nullptr && !**all) entry.recovered = false;
  }
  tell_delivered(connection, answer);
  return answer;
}

void CommandRunner::subscribe_located(Connection& connection, const SubscribeRequest& request,
                                      const protocol::Since& since) {
  const Told answer = add_all(connection, request, since);
  logs::subscribe(host_, connection.client(), answer.channels);
  text_.clear();
  protocol::append_subscribed(text_, request.id, host_.clock.timestamp(), answer.channels,
                              passing_types(connection, request.names));
  connection.send_text(text_);
  connection.catch_up();
}

void CommandRunner::add(Connection& connection, const SubscriptionTerms& terms, const protocol::Since& since,
                        Told& answer) {
  const std::string_view name = answer.channels.back().channel;
  if (Subscription* known = connection.subscriptions().find(name); known != nullptr) {
    // Sets of types add up: what is taken out is taken out by unsubscribe. But nobody asked
    // for all the types of what was subscribed at the opening.
    const TypeFilterPtr added = terms.filter_of(name);
    if (known->unasked && !protocol::is_server_channel(name)) {
      host_.fanout.change_filter(*known, added);
    } else {
      if (!answer.both || answer.before != known->filter || answer.added != added) {
        answer.before = known->filter;
        answer.added = added;
        answer.both = TypeFilter::either(known->filter, added);
      }
      host_.fanout.change_filter(*known, *answer.both);
    }
    known->unasked = terms.unasked;
    host_.fanout.change_pace(*known, terms.pace);
    return stand(connection, terms, answer);
  }
  presence_.subscribing(connection, name);
  const std::size_t before = connection.subscriptions().size();
  try {
    if (protocol::looks_like_pattern(name)) {
      add_pattern(connection, terms, since, answer);
    } else {
      add_channel(connection, terms.filter_of(name), since, answer);
    }
  } catch (...) {
    // What the connection has is taken back with it, and was counted until then.
    if (connection.subscriptions().size() > before) {
      host_.counters.subscriptions.add();
    } else {
      host_.guard("taking back a subscription", [&] { presence_.unsubscribing(connection, name); });
    }
    throw;
  }
  host_.counters.subscriptions.add();
  connection.subscriptions().back().unasked = terms.unasked;
  if (terms.pace.asked_for()) host_.fanout.change_pace(connection.subscriptions().back(), terms.pace);
}

void CommandRunner::stand(Connection& connection, const SubscriptionTerms& terms, Told& answer) {
  protocol::SubscribedChannel& entry = answer.channels.back();
  if (!protocol::looks_like_pattern(entry.channel)) {
    Channel& channel = *find_channel(connection, For::kSubscribing, entry.channel);
    std::uint64_t seam = 0;
    const Position position = channel.join(host_.index, seam);
    entry.offset = position.offset;
    entry.epoch = position.epoch;
    if (is_live(connection, channel))
      answer.live.push_back({Told::kItself, {&channel, seam}, answer.channels.size() - 1});
    return;
  }
  if (!terms.tells_matches()) return;
  if (terms.matched) entry.matched.emplace();
  for (Channel* channel : host_.hub.matching(*protocol::Pattern::parse(entry.channel))) {
    std::uint64_t seam = 0;
    const Position position = channel->join(host_.index, seam);
    const bool live = is_live(connection, *channel);
    if (!tell_match(
            connection,
            {.channel = channel->name(), .offset = position.offset, .epoch = position.epoch, .oldest = {}},
            live ? seam : 0, *channel, terms, answer)) {
      break;
    }
  }
}

void CommandRunner::add_channel(Connection& connection, TypeFilterPtr filter, const protocol::Since& since,
                                Told& answer) {
  protocol::SubscribedChannel& entry = answer.channels.back();
  Channel& channel = *find_channel(connection, For::kSubscribing, entry.channel);
  const bool live = is_live(connection, channel);
  Position position;
  connection.subscriptions().add(host_.fanout.subscribe(connection, channel, std::move(filter), position));
  entry.offset = position.offset;
  entry.epoch = position.epoch;
  std::uint64_t seam = connection.subscriptions().back().seam;
  if (!std::holds_alternative<protocol::FromNow>(since)) {
    const ReplayStart start = begin_replay(connection, channel, since, live, SubscriptionTerms(), answer);
    answer.channels.back().offset = start.newest.offset;
    seam = start.seam;
  } else if (connection.is_catching_up(channel)) {
    connection.join_catch_up(channel, position.offset);
  }
  if (!live) return;
  host_.fanout.begin_with_the_uncollected(connection.subscriptions().back());
  answer.live.push_back({Told::kItself, {&channel, seam}, answer.channels.size() - 1});
}

CommandRunner::MadeKnown CommandRunner::make_known(const Connection& connection,
                                                   const std::vector<std::string>& names,
                                                   const protocol::Since& since) {
  MadeKnown known;
  const auto* map = std::get_if<protocol::FromPositions>(&since);
  if (map == nullptr) return known;
  for (const std::string& name : names) {
    if (protocol::looks_like_pattern(name)) known[name] = std::make_unique<bool>(true);
  }
  if (known.empty()) return known;
  for (const auto& [name, position] : map->positions) {
    if (!protocol::check_channel(name) || !known.any(name)) continue;
    if (find_channel(connection, For::kSubscribing, name) != nullptr) continue;
    known.visit(name, [](const std::unique_ptr<bool>& all) {
      *all = false;
      return true;
    });
  }
  return known;
}

void CommandRunner::add_pattern(Connection& connection, const SubscriptionTerms& terms,
                                const protocol::Since& since, Told& answer) {
  const std::size_t index = answer.channels.size() - 1;
  const auto pattern = protocol::Pattern::parse(answer.channels[index].channel);
  auto subscription = host_.fanout.subscribe(connection, *pattern, terms.filter_of(pattern->text()));
  const bool replays = !std::holds_alternative<protocol::FromNow>(since);
  // Of what others bring already it is for all behind the position that is told.
  if (terms.tells_matches()) host_.fanout.begin_with_the_uncollected(*subscription);
  // Behind the subscription, so that no channel begins unseen; and before the
  // connection has it, for it would make everything live.
  std::vector<std::pair<Channel*, bool>> matching;
  if (replays || terms.tells_matches()) {
    for (Channel* channel : host_.hub.matching(*pattern)) {
      matching.emplace_back(channel, is_live(connection, *channel));
      // More than can be told of.
      if (!replays && terms.matched && matching.size() * kMatchBytes > answer.room) break;
    }
  }
  connection.subscriptions().add(std::move(subscription));
  if (!replays) connection.join_catch_ups();
  answer.channels[index].recovered = replays;
  if (terms.matched) answer.channels[index].matched.emplace();
  bool tells = terms.tells_matches();
  for (const auto& [channel, live] : matching) {
    if (replays) {
      begin_replay(connection, *channel, since, live, terms, answer);
    } else if (tells) {
      tells = tell_where_it_joins(connection, *channel, live, terms, answer);
    }
  }
}

bool CommandRunner::tell_where_it_joins(Connection& connection, Channel& channel, bool live,
                                        const SubscriptionTerms& terms, Told& answer) {
  std::uint64_t seam = 0;
  const Position position = channel.join(host_.index, seam);
  // What was pushed since the subscription's own seam belongs to the position.
  if (!live && !connection.is_catching_up(channel)) host_.fanout.skip(connection, channel, seam);
  return tell_match(
      connection,
      {.channel = channel.name(), .offset = position.offset, .epoch = position.epoch, .oldest = {}},
      live ? seam : 0, channel, terms, answer);
}

ReplayStart CommandRunner::begin_replay(Connection& connection, Channel& channel,
                                        const protocol::Since& since, bool live,
                                        const SubscriptionTerms& terms, Told& answer) {
  protocol::SubscribedChannel& entry = answer.channels.back();
  const bool catching_up = connection.is_catching_up(channel);
  // What another subscription brings already is not told twice; what lies
  // before it would come too late to be in order.
  const bool joins = live || catching_up;
  std::vector<ChunkPtr> first;
  const ReplayStart start =
      channel.begin_replay(since, joins ? 0 : connection.head_start_bytes(), host_.index, first);
  const bool replays = !joins && start.replayed > 0;
  const bool brought = catching_up && connection.still_brings(channel, start.after);
  const bool whole = start.recovered && (replays || brought || start.replayed == 0);
  // Events since the subscription's own seam belong to the position that is told.
  if (catching_up) connection.join_catch_up(channel, start.after);
  if (!joins && !replays) host_.fanout.skip(connection, channel, start.seam);
  if (!protocol::looks_like_pattern(entry.channel)) {
    entry.recovered = whole;
    if (!whole) entry.oldest = start.oldest;
  } else if (!whole) {
    entry.recovered = false;
    if (answer.take_room(channel.name())) {
      entry.gaps.push_back({.channel = channel.name(),
                            .offset = start.newest.offset,
                            .epoch = start.newest.epoch,
                            .oldest = start.oldest});
    } else {
      ++entry.more_gaps;
    }
  }
  if (terms.tells_matches()) {
    (void)tell_match(connection,
                     {.channel = channel.name(),
                      .offset = start.newest.offset,
                      .epoch = start.newest.epoch,
                      .recovered = whole,
                      .replayed = replays ? start.replayed : 0,
                      .oldest = whole ? std::nullopt : std::optional(start.oldest)},
                     live ? start.seam : 0, channel, terms, answer);
  }
  if (replays) {
    entry.replayed += start.replayed;
    connection.begin_catch_up(channel, start.after, std::move(first));
  }
  return start;
}

// --- What is told of it ------------------------------------------------------

bool CommandRunner::Told::take_room(std::string_view name) {
  const std::size_t bytes = name.size() + kMatchBytes;
  if (bytes > room) return false;
  room -= bytes;
  return true;
}

bool CommandRunner::tell_match(Connection& connection, const protocol::SubscribedMatch& match,
                               std::uint64_t live_seam, const Channel& channel,
                               const SubscriptionTerms& terms, Told& answer) {
  if (terms.keeps_positions) {
    connection.begin_position(match.channel, match.epoch, match.offset - match.replayed);
    return true;
  }
  protocol::SubscribedChannel& entry = answer.channels.back();
  if (!entry.matched) return false;
  if (!answer.take_room(match.channel)) {
    // Not a part that looks like all.
    for (const protocol::SubscribedMatch& told : *entry.matched)
      answer.room += told.channel.size() + kMatchBytes;
    entry.matched.reset();
    return false;
  }
  if (live_seam > 0)
    answer.live.push_back({entry.matched->size(), {&channel, live_seam}, answer.channels.size() - 1});
  entry.matched->push_back(match);
  return true;
}

// Of a channel that others bring already, some events may still be on the way that lie
// before its position: whoever comes back with that position would not get them again.
void CommandRunner::tell_delivered(const Connection& connection, Told& answer) {
  if (answer.live.empty()) return;
  std::vector<Fanout::Stand> stands;
  for (const Told::Live& each : answer.live) stands.push_back(each.stand);
  const std::vector<std::uint64_t> on_the_way = host_.fanout.on_the_way(connection, stands);
  for (std::size_t i = 0; i < answer.live.size(); ++i) {
    const Told::Live& live = answer.live[i];
    protocol::SubscribedChannel& entry = answer.channels[live.entry];
    if (live.match == Told::kItself) {
      *entry.offset -= std::min(*entry.offset, on_the_way[i]);
    } else if (entry.matched) {
      std::uint64_t& offset = (*entry.matched)[live.match].offset;
      offset -= std::min(offset, on_the_way[i]);
    }
  }
}

// --- Unsubscribing -----------------------------------------------------------

bool CommandRunner::end_subscription(Connection& connection, std::string_view name) {
  Subscription* known = connection.subscriptions().find(name);
  if (known == nullptr) return false;
  presence_.unsubscribing(connection, name);
  host_.fanout.flush_now(connection);
  connection.forget_subscription(*known);
  std::unique_ptr<Subscription> ended = connection.subscriptions().take(*known);
  host_.counters.subscriptions.subtract();
  host_.fanout.unsubscribe(std::move(ended));
  return true;
}

void CommandRunner::unsubscribe(Connection& connection, const Command& command) {
  std::vector<std::string> names;
  if (command.channels) {
    names = names_of(each_once(*command.channels));
  } else {
    for (const auto& subscription : connection.subscriptions()) {
      if (command.event_types && protocol::is_server_channel(subscription->name())) continue;
      names.push_back(subscription->name());
    }
  }
  std::vector<std::string_view> left;
  TypeFilterPtr before;
  std::optional<TypeFilterPtr> after;
  for (const std::string& name : names) {
    Subscription* known = connection.subscriptions().find(name);
    if (known == nullptr) continue;
    left.push_back(name);
    if (command.event_types) {
      if (!after || before != known->filter) {
        before = known->filter;
        after = TypeFilter::without(before, *command.event_types);
      }
      host_.fanout.change_filter(*known, *after);
      known->unasked = false;
      continue;
    }
    end_subscription(connection, name);
  }
  connection.subscriptions_left();
  logs::unsubscribe(host_, connection.client(), left);
  text_.clear();
  const auto types = command.event_types ? names_of(*command.event_types) : std::vector<std::string>();
  protocol::append_unsubscribed(text_, command.id, host_.clock.timestamp(), left, types);
  connection.send_text(text_);
}

}  // namespace wskit::server
