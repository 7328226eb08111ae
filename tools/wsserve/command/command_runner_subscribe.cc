// Subscribing: what a peer hears, and where it begins.
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
#include "wsserve/connection/logs.h"
#include "wsserve/connection/peer.h"
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
std::vector<std::string> passing_types(const Peer& peer, const std::vector<std::string>& names) {
  std::optional<TypeFilterPtr> passing;
  // Of names that were subscribed together the filter is the same.
  std::optional<TypeFilterPtr> last;
  for (const std::string& name : names) {
    const Subscription* known = peer.subscriptions().find(name);
    if (known == nullptr || protocol::is_server_channel(name) || known->filter == last) continue;
    last = known->filter;
    passing = passing ? TypeFilter::either(*passing, known->filter) : known->filter;
  }
  if (!passing || *passing == nullptr || (*passing)->all_but()) return {};
  return (*passing)->types();
}

// Whether the peer hears the channel live already.
bool is_live(const Peer& peer, const Channel& channel) {
  return peer.hears(channel) && !peer.is_recovering(channel);
}

}  // namespace

// --- Subscribing -------------------------------------------------------------

void CommandRunner::subscribe(Peer& peer, const Command& command) {
  if (!command.filter.empty()) {
    return refuse(peer, command.id,
                  {ErrorCode::kBadCommand, "filter is not served here: leave it out, and use events", {}});
  }
  Pace pace = peer.default_pace();
  if (command.max_rate || command.conflate) {
    const auto made = make_pace(command.max_rate, command.conflate.value_or(false), host_.settings->pace);
    if (!made) return refuse(peer, command.id, made.error());
    pace = *made;
  }
  TypeFilterPtr filter = peer.default_filter();
  if (command.event_types) filter = TypeFilter::only(names_of(*command.event_types));
  std::vector<std::string_view> names;
  if (command.channels) {
    names = *command.channels;
  } else {
    // No channels: the defaults, and, for a filter, everything there is already but the
    // server's own, of which nobody was asked.
    for (const std::string& name : host_.settings->default_channels) names.push_back(name);
    if (command.event_types) {
      for (const auto& subscription : peer.subscriptions()) {
        if (!protocol::is_server_channel(subscription->name())) names.push_back(subscription->name());
      }
    }
  }
  // One short command asks for up to a whole message.
  if (command.matched && !peer.connection().writer().takes_answers())
    return refuse(peer, command.id, unread_answers());
  names = each_once(std::move(names));
  if (const auto error = check(Asker(peer), names)) return refuse(peer, command.id, *error);
  subscribe(
      peer,
      {std::string(command.id),
       names_of(names),
       {.filter = filter, .by_default = !command.event_types, .pace = pace, .matched = command.matched}},
      command.since.value_or(protocol::FromNow{}));
}

void CommandRunner::subscribe(Peer& peer, const SubscribeRequest& request, const protocol::Since& since) {
  locate(Asker(peer), request, since,
         [this, &peer, request](const protocol::Result<protocol::Since>& located) {
           if (!located) return refuse(peer, request.id, located.error());
           subscribe_located(peer, request, *located);
         });
}

void CommandRunner::locate(const Asker& asker, const SubscribeRequest& request, const protocol::Since& since,
                           const Located& then) {
  if (request.terms.tells_matches() || !std::holds_alternative<protocol::FromNow>(since)) {
    if (const auto error = check_matches(request.names)) return then(*error);
  }
  prepare(asker, request.names, [this, asker, names = request.names, since, then](bool at_once) {
    // Others may have come meanwhile, and channels that nobody used have gone.
    if (!at_once) {
      if (const auto error = check(asker, {names.begin(), names.end()})) return then(*error);
    }
    locate_in_store(asker, names, since, then);
  });
}

void CommandRunner::prepare(const Asker& asker, const std::vector<std::string>& names,
                            const std::function<void(bool at_once)>& then) {
  std::vector<protocol::Pattern> patterns = patterns_of(names);
  std::erase_if(patterns, [&](const protocol::Pattern& pattern) {
    return asker.subscriptions().find(pattern.text()) != nullptr;
  });
  if (patterns.empty()) return then(true);
  const auto resume = [this, number = asker.client().number(), then] {
    Connection* asking = host_.find(number);
    if (asking == nullptr || !asking->is_suspended()) return;
    host_.guard(*asking, "a subscription that waited for its patterns",
                [&] { asking->resume([&then] { then(false); }); });
  };
  const auto come_back = [this, resume] {
    try {
      host_.inbox.post(resume);
    } catch (...) {
      host_.caught("a subscription that waited for its patterns");
      host_.inbox.lose_answer();
    }
  };
  if (host_.fanout.prepare(std::move(patterns), come_back)) return then(true);
  asker.connection.suspend();
}

void CommandRunner::locate_in_store(const Asker& asker, const std::vector<std::string>& names,
                                    const protocol::Since& since, const Located& then) {
  const bool by_time = std::holds_alternative<protocol::SystemMicros>(since) ||
                       std::holds_alternative<protocol::FromPositions>(since);
  if (!by_time || !host_.hub.broker().is_durable()) return then(since);
  const auto check_again = [this, asker, names, then](const protocol::Result<protocol::Since>& located) {
    if (!located) return then(located);
    // Channels that nobody used meanwhile may be gone, and others in their places.
    const auto error = check(asker, {names.begin(), names.end()});
    then(error ? *error : located);
  };
  history_.locate(asker.connection, known_channels(asker.client(), names), since, check_again);
}

std::vector<Channel*> CommandRunner::known_channels(const Client& client,
                                                    const std::vector<std::string>& names) {
  std::vector<Channel*> channels;
  for (const std::string& name : names) {
    if (!protocol::looks_like_pattern(name)) {
      channels.push_back(find_channel(client, For::kSubscribing, name));
      continue;
    }
    const auto matching = host_.hub.matching(*protocol::Pattern::parse(name));
    channels.insert(channels.end(), matching.begin(), matching.end());
  }
  std::ranges::sort(channels);
  channels.erase(std::unique(channels.begin(), channels.end()), channels.end());
  return channels;
}

CommandRunner::Told CommandRunner::add_all(Peer& peer, const SubscribeRequest& request,
                                           const protocol::Since& since) {
  // What was collected in this turn is not on the way any more.
  host_.fanout.flush_now(peer);
  const MadeKnown known = make_known(peer.client(), request.names, since);
  Told answer{.room = host_.settings->message_limits.max_message_bytes};
  for (const std::string& name : request.names) {
    protocol::SubscribedChannel& entry = answer.channels.emplace_back();
    entry.channel = name;
    add(peer, request.terms, since_of(name, since), answer);
    const std::unique_ptr<bool>* all = known.find(name);
    if (all != nullptr && !**all) entry.recovered = false;
  }
  tell_delivered(peer, answer);
  return answer;
}

void CommandRunner::subscribe_located(Peer& peer, const SubscribeRequest& request,
                                      const protocol::Since& since) {
  const Told answer = add_all(peer, request, since);
  logs::subscribe(host_, peer.client(), answer.channels);
  const std::vector<std::string> types = passing_types(peer, request.names);
  reply(peer, request.id,
        protocol::Subscribed{.channels = answer.channels, .event_types = {types.begin(), types.end()}});
  peer.recover();
}

void CommandRunner::add(Peer& peer, const SubscriptionTerms& terms, const protocol::Since& since,
                        Told& answer) {
  const std::string_view name = answer.channels.back().channel;
  if (Subscription* known = peer.subscriptions().find(name); known != nullptr) {
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
    return stand(peer, terms, answer);
  }
  presence_.subscribing(peer, name);
  const std::size_t before = peer.subscriptions().size();
  try {
    if (protocol::looks_like_pattern(name)) {
      add_pattern(peer, terms, since, answer);
    } else {
      add_channel(peer, terms.filter_of(name), since, answer);
    }
  } catch (...) {
    // What the peer has is taken back with it, and was counted until then.
    if (peer.subscriptions().size() > before) {
      host_.counters.subscriptions.add();
    } else {
      host_.guard("taking back a subscription", [&] { presence_.unsubscribing(peer, name); });
    }
    throw;
  }
  host_.counters.subscriptions.add();
  peer.subscriptions().back().unasked = terms.unasked;
  if (terms.pace.asked_for()) host_.fanout.change_pace(peer.subscriptions().back(), terms.pace);
}

void CommandRunner::stand(Peer& peer, const SubscriptionTerms& terms, Told& answer) {
  protocol::SubscribedChannel& entry = answer.channels.back();
  if (!protocol::looks_like_pattern(entry.channel)) {
    Channel& channel = *find_channel(peer.client(), For::kSubscribing, entry.channel);
    std::uint64_t seam = 0;
    const Position position = channel.join(host_.index, seam);
    entry.offset = position.offset;
    entry.epoch = position.epoch;
    if (is_live(peer, channel))
      answer.live.push_back({Told::kItself, {&channel, seam}, answer.channels.size() - 1});
    return;
  }
  if (!terms.tells_matches()) return;
  if (terms.matched) entry.matched.emplace();
  for (Channel* channel : host_.hub.matching(*protocol::Pattern::parse(entry.channel))) {
    std::uint64_t seam = 0;
    const Position position = channel->join(host_.index, seam);
    const bool live = is_live(peer, *channel);
    if (!tell_match(
            peer,
            {.channel = channel->name(), .offset = position.offset, .epoch = position.epoch, .oldest = {}},
            live ? seam : 0, *channel, terms, answer)) {
      break;
    }
  }
}

void CommandRunner::add_channel(Peer& peer, TypeFilterPtr filter, const protocol::Since& since,
                                Told& answer) {
  protocol::SubscribedChannel& entry = answer.channels.back();
  Channel& channel = *find_channel(peer.client(), For::kSubscribing, entry.channel);
  const bool live = is_live(peer, channel);
  Position position;
  peer.subscriptions().add(host_.fanout.subscribe(peer, channel, std::move(filter), position));
  entry.offset = position.offset;
  entry.epoch = position.epoch;
  std::uint64_t seam = peer.subscriptions().back().seam;
  if (!std::holds_alternative<protocol::FromNow>(since)) {
    const ReplayStart start = begin_replay(peer, channel, since, live, SubscriptionTerms(), answer);
    answer.channels.back().offset = start.newest.offset;
    seam = start.seam;
  } else if (peer.is_recovering(channel)) {
    peer.join_recovery(channel, position.offset);
  }
  if (!live) return;
  host_.fanout.begin_with_the_uncollected(peer.subscriptions().back());
  answer.live.push_back({Told::kItself, {&channel, seam}, answer.channels.size() - 1});
}

CommandRunner::MadeKnown CommandRunner::make_known(const Client& client,
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
    if (find_channel(client, For::kSubscribing, name) != nullptr) continue;
    known.visit(name, [](const std::unique_ptr<bool>& all) {
      *all = false;
      return true;
    });
  }
  return known;
}

void CommandRunner::add_pattern(Peer& peer, const SubscriptionTerms& terms, const protocol::Since& since,
                                Told& answer) {
  const std::size_t index = answer.channels.size() - 1;
  const auto pattern = protocol::Pattern::parse(answer.channels[index].channel);
  auto subscription = host_.fanout.subscribe(peer, *pattern, terms.filter_of(pattern->text()));
  const bool replays = !std::holds_alternative<protocol::FromNow>(since);
  // Of what others bring already it is for all behind the position that is told.
  if (terms.tells_matches()) host_.fanout.begin_with_the_uncollected(*subscription);
  // Behind the subscription, so that no channel begins unseen; and before the
  // peer has it, for it would make everything live.
  std::vector<std::pair<Channel*, bool>> matching;
  if (replays || terms.tells_matches()) {
    for (Channel* channel : host_.hub.matching(*pattern)) {
      matching.emplace_back(channel, is_live(peer, *channel));
      // More than can be told of.
      if (!replays && terms.matched && matching.size() * kMatchBytes > answer.room) break;
    }
  }
  peer.subscriptions().add(std::move(subscription));
  if (!replays) peer.join_recoveries();
  answer.channels[index].recovered = replays;
  if (terms.matched) answer.channels[index].matched.emplace();
  bool tells = terms.tells_matches();
  for (const auto& [channel, live] : matching) {
    if (replays) {
      begin_replay(peer, *channel, since, live, terms, answer);
    } else if (tells) {
      tells = tell_where_it_joins(peer, *channel, live, terms, answer);
    }
  }
}

bool CommandRunner::tell_where_it_joins(Peer& peer, Channel& channel, bool live,
                                        const SubscriptionTerms& terms, Told& answer) {
  std::uint64_t seam = 0;
  const Position position = channel.join(host_.index, seam);
  // What was pushed since the subscription's own seam belongs to the position.
  if (!live && !peer.is_recovering(channel)) host_.fanout.skip(peer, channel, seam);
  return tell_match(
      peer, {.channel = channel.name(), .offset = position.offset, .epoch = position.epoch, .oldest = {}},
      live ? seam : 0, channel, terms, answer);
}

ReplayStart CommandRunner::begin_replay(Peer& peer, Channel& channel, const protocol::Since& since, bool live,
                                        const SubscriptionTerms& terms, Told& answer) {
  protocol::SubscribedChannel& entry = answer.channels.back();
  const bool recovering = peer.is_recovering(channel);
  // What another subscription brings already is not told twice; what lies
  // before it would come too late to be in order.
  const bool joins = live || recovering;
  std::vector<ChunkPtr> first;
  const ReplayStart start =
      channel.begin_replay(since, joins ? 0 : peer.head_start_bytes(), host_.index, first);
  const bool replays = !joins && start.replayed > 0;
  const bool brought = recovering && peer.still_brings(channel, start.after);
  const bool whole = start.recovered && (replays || brought || start.replayed == 0);
  // Events since the subscription's own seam belong to the position that is told.
  if (recovering) peer.join_recovery(channel, start.after);
  if (!joins && !replays) host_.fanout.skip(peer, channel, start.seam);
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
    (void)tell_match(peer,
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
    peer.begin_recovery(channel, start.after, std::move(first));
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

bool CommandRunner::tell_match(Peer& peer, const protocol::SubscribedMatch& match, std::uint64_t live_seam,
                               const Channel& channel, const SubscriptionTerms& terms, Told& answer) {
  if (terms.keeps_positions) {
    peer.begin_position(match.channel, match.epoch, match.offset - match.replayed);
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
void CommandRunner::tell_delivered(const Peer& peer, Told& answer) {
  if (answer.live.empty()) return;
  std::vector<Fanout::Stand> stands;
  for (const Told::Live& each : answer.live) stands.push_back(each.stand);
  const std::vector<std::uint64_t> on_the_way = host_.fanout.on_the_way(peer, stands);
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

bool CommandRunner::end_subscription(Peer& peer, std::string_view name) {
  Subscription* known = peer.subscriptions().find(name);
  if (known == nullptr) return false;
  presence_.unsubscribing(peer, name);
  host_.fanout.flush_now(peer);
  peer.forget_subscription(*known);
  std::unique_ptr<Subscription> ended = peer.subscriptions().take(*known);
  host_.counters.subscriptions.subtract();
  host_.fanout.unsubscribe(std::move(ended));
  return true;
}

void CommandRunner::unsubscribe(Peer& peer, const Command& command) {
  std::vector<std::string> names;
  if (command.channels) {
    names = names_of(each_once(*command.channels));
  } else {
    for (const auto& subscription : peer.subscriptions()) {
      if (command.event_types && protocol::is_server_channel(subscription->name())) continue;
      names.push_back(subscription->name());
    }
  }
  std::vector<std::string_view> left;
  TypeFilterPtr before;
  std::optional<TypeFilterPtr> after;
  for (const std::string& name : names) {
    Subscription* known = peer.subscriptions().find(name);
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
    end_subscription(peer, name);
  }
  peer.subscriptions_left();
  logs::unsubscribe(host_, peer.client(), left);
  reply(peer, command.id,
        protocol::Unsubscribed{.channels = left,
                               .event_types = command.event_types.value_or(std::vector<std::string_view>())});
}

}  // namespace wskit::server
