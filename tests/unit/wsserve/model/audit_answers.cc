#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "audit.h"
#include "common/protocol/channel.h"

namespace wskit::server::model {

using nlohmann::json;
using protocol::FromLast;
using protocol::FromNow;
using protocol::FromPositions;
using protocol::Position;

void Audit::judge_reply(const json& message, Moment at) {
  const auto asked = asked_.find(message.at("id"));
  if (asked == asked_.end()) return complain("an answer to nothing: " + message.dump());
  if (asked->second.quiet) extend_all();
  if (message.at("type") != (asked->second.subscribes ? "subscribed" : "unsubscribed")) {
    return complain("the wrong answer: " + message.dump());
  }
  if (asked->second.subscribes) {
    judge_subscribed(asked->second, message.at("data"), at);
  } else {
    unsubscribed(asked->second);
  }
  asked_.erase(asked);
}

void Audit::unsubscribed(const Asked& asked) {
  // Nobody tells up to which event it was subscribed.
  if (!asked.quiet) filtered_known_ = false;
  for (const Wish& wish : asked.wishes) {
    std::erase_if(subscriptions_, [&](const Subscription& known) { return known.wish.name == wish.name; });
  }
  for (auto state = states_.begin(); state != states_.end();) {
    if (covers(state->first)) {
      ++state;
      continue;
    }
    state = states_.erase(state);
  }
}

void Audit::judge_subscribed(const Asked& asked, const json& data, Moment at) {
  const json& entries = data.at("channels");
  if (entries.size() != asked.wishes.size())
    return complain("the answer lists other channels: " + data.dump());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Wish& wish = asked.wishes[i];
    if (entries[i].at("channel") != wish.name) return complain("the answer names another channel");
    const auto known = std::ranges::find_if(
        subscriptions_, [&](const Subscription& each) { return each.wish.name == wish.name; });
    if (known != subscriptions_.end()) {
      // Only asked for while nothing is under way. Sets of types add up.
      known->wish = known->wish.and_then(wish);
    } else if (protocol::looks_like_pattern(wish.name)) {
      judge_pattern(asked, wish, entries[i], at);
    } else {
      judge_name(asked, wish, entries[i], at);
    }
  }
}

// --- Where a subscription begins -------------------------------------------

std::optional<std::uint64_t> Audit::wanted(const Asked& asked, const std::string& channel,
                                           std::uint64_t newest) const {
  const auto of_position = [&](const Position& position) -> std::optional<std::uint64_t> {
    const bool ours = position.epoch.empty() || position.epoch == reference_.epoch_of(channel);
    if (!ours || position.offset > newest) return std::nullopt;
    return position.offset;
  };
  if (const auto* position = std::get_if<Position>(&asked.since)) return of_position(*position);
  if (const auto* last = std::get_if<FromLast>(&asked.since)) {
    return newest - std::min(newest, last->events);
  }
  if (const auto* map = std::get_if<FromPositions>(&asked.since)) {
    const auto known = map->positions.find(channel);
    if (known != map->positions.end()) return of_position(known->second);
    if (!map->time) return newest;
  }
  if (asked.bookmark) return asked.bookmark->newest_of(channel);
  return 0;
}

bool Audit::begins_with_the_next(const Asked& asked, const std::string& channel) const {
  if (std::holds_alternative<FromNow>(asked.since)) return true;
  const auto* map = std::get_if<FromPositions>(&asked.since);
  return map != nullptr && !map->positions.contains(channel) && !map->time;
}

Audit::Range Audit::judge_start(const Asked& asked, const Wish& wish, const std::string& channel,
                                const Answer& answer) {
  const ReferenceChannel* known = reference_.find(channel);
  const std::uint64_t newest = answer.offset;
  const std::uint64_t oldest_held = known == nullptr ? 1 : known->oldest_held(answer.least_offset);
  const std::optional<std::uint64_t> begin = wanted(asked, channel, newest);
  const bool next = begins_with_the_next(asked, channel);
  const std::string where = fmt::format("{} ({}, at {})", wish.name, channel, newest);
  if (answer.recovered && (!begin || (next && newest > 0))) {
    complain(where + ": recovered, although nobody can say what was missed");
    return {};
  }
  if (answer.recovered && *begin + 1 < oldest_held) {
    complain(fmt::format("{}: recovered from {}, although the oldest that can be held is {}", where, *begin,
                         oldest_held));
  }
  if (!answer.recovered) {
    ++declared_gaps_;
    const std::uint64_t head = covers(channel) ? answer.ahead_offset : newest;
    if (!answer.oldest || *answer.oldest < oldest_held || *answer.oldest > head + 1) {
      complain(fmt::format("{}: the oldest event held is {}, not {}", where, oldest_held,
                           answer.oldest ? std::to_string(*answer.oldest) : "left out"));
      return {};
    }
    const std::uint64_t surely_held = known == nullptr ? 1 : known->oldest_held(answer.ahead_offset);
    if (reference_.rules().exact && *answer.oldest > surely_held) {
      complain(fmt::format("{}: the oldest event held is {}, not {}", where, surely_held, *answer.oldest));
    }
  }
  const bool joins = covers(channel);
  const std::uint64_t after = answer.recovered ? *begin
                              : next           ? newest
                              : begin          ? std::max(*begin, *answer.oldest - 1)
                                               : *answer.oldest - 1;
  if (answer.replayed && *answer.replayed != (joins ? 0 : newest - after)) {
    complain(fmt::format("{}: says that {} events are replayed", where, *answer.replayed));
  }
  if (joins) return judge_joined(wish, channel, newest, begin.value_or(after), answer.recovered);
  // Where a time is the store tells a moment before: what it has let go of by then the memory may still have.
  const bool located_before = asked.bookmark && reference_.rules().trims_ahead;
  if (!answer.recovered && begin && !next && *begin + 1 >= *answer.oldest && !located_before) {
    complain(fmt::format("{}: nothing behind {} is gone, and it is not recovered", where, *begin));
  }
  replayed_ += newest - after;
  return {after + 1, after + 1};
}

// Another subscription of the connection brings the channel's events already.
Audit::Range Audit::judge_joined(const Wish& wish, const std::string& channel, std::uint64_t newest,
                                 std::uint64_t begin, bool recovered) {
  if (!recovered) return {std::min(begin, newest) + 1, newest + 1};
  const ChannelState& state = states_[channel];
  for (std::uint64_t offset = begin + 1; offset <= std::min(newest, state.high); ++offset) {
    if (state.told.contains(offset) || state.open.contains(offset)) continue;
    if (!wish.passes(reference_.find(channel)->at(offset).type)) continue;
    complain(
        fmt::format("{}: recovered from {} on, and {} {} is passed over", wish.name, begin, channel, offset));
  }
  return {begin + 1, begin + 1};
}

std::uint64_t Audit::ahead_of(const std::string& channel, std::uint64_t newest, Moment at) const {
  const ReferenceChannel* known = reference_.find(channel);
  // One that is heard already is told to stand before what is still on its way to the reader.
  if (known == nullptr || !(reference_.rules().trims_ahead || covers(channel))) return newest;
  return std::max(newest, known->greatest_newest(at));
}

void Audit::judge_name(const Asked& asked, const Wish& wish, const json& entry, Moment at) {
  const std::uint64_t newest = entry.at("offset");
  if (const ReferenceChannel* channel = reference_.find(wish.name)) {
    if (newest < channel->least_newest(asked.sent) || newest > channel->greatest_newest(at)) {
      complain(fmt::format("{} cannot stand at {}", wish.name, newest));
    }
  } else if (newest != 0) {
    return complain(fmt::format("{} stands at {}, and nothing was published", wish.name, newest));
  }
  const std::string epoch = reference_.epoch_of(wish.name);
  if (!epoch.empty() && entry.at("epoch") != epoch) complain("another epoch: " + entry.dump());
  Subscription added{.wish = wish, .ranges = {}};
  if (std::holds_alternative<FromNow>(asked.since)) {
    if (entry.at("recovered") || entry.at("replayed") != 0 || entry.contains("oldest")) {
      complain("nothing was asked for, and something is told of it: " + entry.dump());
    }
    added.ranges[wish.name] = {newest + 1, newest + 1};
  } else {
    Answer answer{.offset = newest,
                  .least_offset = newest,
                  .ahead_offset = ahead_of(wish.name, newest, at),
                  .recovered = entry.at("recovered"),
                  .oldest = {},
                  .replayed = entry.at("replayed").get<std::uint64_t>()};
    if (entry.contains("oldest")) answer.oldest = entry.at("oldest").get<std::uint64_t>();
    added.ranges[wish.name] = judge_start(asked, wish, wish.name, answer);
  }
  subscriptions_.push_back(std::move(added));
}

Audit::Range Audit::judge_recovered(const Asked& asked, const Wish& wish, const ReferenceChannel& channel,
                                    Moment at) {
  const std::uint64_t least = channel.least_newest(asked.sent);
  const std::uint64_t greatest = channel.greatest_newest(at);
  if (std::holds_alternative<FromNow>(asked.since)) return {least + 1, greatest + 1};
  if (const auto* last = std::get_if<FromLast>(&asked.since); last != nullptr && !covers(channel.name())) {
    return {least - std::min(least, last->events) + 1, greatest - std::min(greatest, last->events) + 1};
  }
  // It may have stood anywhere in between; what can be told is the same.
  const std::uint64_t stood = begins_with_the_next(asked, channel.name()) ? least : greatest;
  return judge_start(asked, wish, channel.name(),
                     {.offset = stood,
                      .least_offset = least,
                      .ahead_offset = greatest,
                      .recovered = true,
                      .oldest = {},
                      .replayed = {}});
}

void Audit::judge_pattern(const Asked& asked, const Wish& wish, const json& entry, Moment at) {
  if (!entry.at("offset").is_null() || !entry.at("epoch").is_null())
    complain("a pattern has no position: " + entry.dump());
  std::map<std::string, json> gaps;
  if (entry.contains("gaps")) {
    for (const json& gap : entry.at("gaps")) gaps[gap.at("channel")] = gap;
  }
  const bool replays = !std::holds_alternative<FromNow>(asked.since);
  if (entry.at("recovered") != (replays && gaps.empty()))
    complain("recovered and gaps do not agree: " + entry.dump());
  Subscription added{.wish = wish, .ranges = {}};
  for (const auto& [name, channel] : reference_.channels()) {
    if (!wish.selects(name)) continue;
    const auto gap = gaps.find(name);
    if (gap == gaps.end()) {
      added.ranges[name] = judge_recovered(asked, wish, channel, at);
      continue;
    }
    const std::uint64_t newest = gap->second.at("offset");
    if (newest < channel.least_newest(asked.sent) || newest > channel.greatest_newest(at)) {
      complain(fmt::format("{} cannot stand at {}", name, newest));
    }
    added.ranges[name] = judge_start(asked, wish, name,
                                     {.offset = newest,
                                      .least_offset = newest,
                                      .ahead_offset = ahead_of(name, newest, at),
                                      .recovered = false,
                                      .oldest = gap->second.at("oldest").get<std::uint64_t>(),
                                      .replayed = {}});
  }
  subscriptions_.push_back(std::move(added));
}

}  // namespace wskit::server::model
