// Events and counters; what answers say of positions is in audit_answers.cc.
#include "audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/protocol/channel.h"

namespace wskit::server::model {

using nlohmann::json;

Wish Wish::and_then(Wish later) const {
  if (!types || !later.types) {
    later.types.reset();
  } else {
    later.types->insert(later.types->end(), types->begin(), types->end());
  }
  return later;
}

bool Wish::passes(const std::string& type) const { return !types || std::ranges::count(*types, type) > 0; }

bool Wish::selects(const std::string& channel) const {
  return protocol::Pattern::parse(name)->matches(channel);
}

Audit::Range Audit::Subscription::range(const std::string& channel) const {
  const auto known = ranges.find(channel);
  return known == ranges.end() ? Range{} : known->second;
}

void Audit::complain(std::string what) {
  if (complaint_.empty()) complaint_ = std::move(what);
}

bool Audit::covers(const std::string& channel) const {
  return std::ranges::any_of(
      subscriptions_, [&](const Subscription& subscription) { return subscription.wish.selects(channel); });
}

std::string Audit::describe() const {
  std::string all;
  for (const Subscription& subscription : subscriptions_) {
    const Wish& wish = subscription.wish;
    if (!all.empty()) all += ", ";
    all += wish.name;
    if (wish.types) all += fmt::format(" of {}", fmt::join(*wish.types, " "));
    if (wish.conflate) all += " conflated";
    if (wish.max_rate > 0) all += fmt::format(" at {}/s", wish.max_rate);
  }
  if (all.empty()) all = "no subscription";
  for (const auto* lines : {&answers_, &events_}) {
    for (const std::string& line : *lines) all += "\n  " + line;
  }
  return all + "\n";
}

void Audit::note(std::deque<std::string>& lines, std::string line) {
  constexpr std::size_t kLines = 20;
  constexpr std::size_t kColumns = 1000;
  if (line.size() > kColumns) line.resize(kColumns);
  lines.push_back(std::move(line));
  if (lines.size() > kLines) lines.pop_front();
}

void Audit::asked(const std::string& id, const std::string& text, Asked asked) {
  note(answers_, fmt::format("{} > {}", asked.sent, text));
  asked_[id] = std::move(asked);
}

void Audit::judge() {
  for (; !log_.empty() && complaint_.empty(); log_.pop_front()) judge_one(log_.front());
}

void Audit::judge_one(const Heard& heard) {
  std::string storage;
  if (const auto event = protocol::decode_event(heard.text, storage)) {
    note(events_, fmt::format("{} < {}", heard.at, heard.text.substr(0, heard.text.find(R"(,"x")"))));
    return judge_event(*event);
  }
  note(answers_, fmt::format("{} < {}", heard.at, heard.text));
  const json message = json::parse(heard.text, nullptr, false);
  if (!message.is_object() || message.contains("offset")) {
    return complain("neither an event nor a control message: " + heard.text);
  }
  const std::string type = message.at("type");
  if (type == "heartbeat") return judge_heartbeat(message.at("data"));
  if (type == "subscribed" || type == "unsubscribed") return judge_reply(message, heard.at);
  if (type != "connected" && type != "pong") complain("an unexpected message: " + heard.text);
}

// --- Events ----------------------------------------------------------------

void Audit::extend(const std::string& name, std::uint64_t to) {
  const ReferenceChannel* channel = reference_.find(name);
  if (channel == nullptr) return;
  ChannelState& state = states_[name];
  state.high = std::max(state.high, channel->lost_up_to());
  for (std::uint64_t offset = state.high + 1; offset <= std::min(to, channel->newest()); ++offset) {
    const ReferenceEvent& event = channel->at(offset);
    bool due = false;
    bool maybe_due = false;
    bool passes = false;
    bool maybe_passes = false;
    for (const Subscription& subscription : subscriptions_) {
      if (!subscription.wish.selects(name)) continue;
      const Range range = subscription.range(name);
      if (offset < range.may) continue;
      maybe_due = true;
      if (subscription.wish.passes(event.type)) maybe_passes = true;
      if (offset < range.must) continue;
      due = true;
      if (subscription.wish.passes(event.type)) passes = true;
    }
    if (maybe_passes) state.open[offset] = passes;
    if (due && !maybe_passes) ++filtered_;
    if (maybe_due != due || maybe_passes != passes) filtered_known_ = false;
  }
  state.high = std::max(state.high, to);
}

void Audit::extend_all() {
  for (const auto& [name, channel] : reference_.channels()) {
    if (covers(name)) extend(name, channel.newest());
  }
}

bool Audit::conflates(const std::string& channel, const ReferenceEvent& event, std::uint64_t offset) const {
  if (rules_.options_for(channel).delivery == DeliveryMode::kLatest) return true;
  bool paced = true;
  for (const Subscription& subscription : subscriptions_) {
    if (!subscription.wish.selects(channel) || !subscription.wish.passes(event.type)) continue;
    // One that may bring it and need not has perhaps not begun, so it does not speed it up.
    if (offset >= subscription.range(channel).must) paced = paced && subscription.wish.paced();
  }
  return paced;
}

bool Audit::rated(const std::string& channel) const {
  return std::ranges::any_of(subscriptions_, [&](const Subscription& subscription) {
    return subscription.wish.max_rate > 0 && subscription.wish.selects(channel);
  });
}

void Audit::judge_event(const protocol::EventView& event) {
  const std::string name(event.channel);
  const std::string where = fmt::format("{} {}", name, event.offset);
  ++delivered_;
  merged_ += event.merged;
  const ReferenceChannel* channel = reference_.find(name);
  if (channel == nullptr || !channel->has(event.offset)) return complain(where + " was never published");
  const ReferenceEvent& published = channel->at(event.offset);
  if (event.type != published.type || event.key != published.key || event.data != published.data) {
    return complain(where + " is not as it was published");
  }
  if (!covers(name)) return complain(where + " is of no subscription");
  ChannelState& state = states_[name];
  if (state.told.contains(event.offset)) return complain(where + " came a second time");
  extend(name, event.offset);
  if (!state.open.contains(event.offset)) {
    return complain(where + " came although it does not belong to what was asked for");
  }
  if (!rated(name) && event.offset < state.last) {
    return complain(fmt::format("{} came behind {}", where, state.last));
  }
  if (!state.open.at(event.offset)) has_begun(name, event.offset);
  state.open.erase(event.offset);
  state.told.insert(event.offset);
  state.last = std::max(state.last, event.offset);
  judge_merge(state, *channel, event);
}

// The event came although it need not have: so the subscription that it came by,
// if it is known which, had begun by then, and must bring all that follows.
void Audit::has_begun(const std::string& name, std::uint64_t offset) {
  const std::string& type = reference_.find(name)->at(offset).type;
  Range* begun = nullptr;
  for (Subscription& subscription : subscriptions_) {
    const auto range = subscription.ranges.find(name);
    if (range == subscription.ranges.end() || range->second.may > offset) continue;
    if (!subscription.wish.passes(type)) continue;
    if (begun != nullptr) return;
    begun = &range->second;
  }
  if (begun != nullptr) begun->must = std::min(begun->must, offset);
}

void Audit::judge_merge(ChannelState& state, const ReferenceChannel& channel,
                        const protocol::EventView& event) {
  const ReferenceEvent& published = channel.at(event.offset);
  const bool conflated = conflates(channel.name(), published, event.offset);
  const std::string where = fmt::format("{} {}", channel.name(), event.offset);
  std::vector<std::uint64_t> before;  // open ones that it must stand for, or that are lost
  for (const auto& [offset, must] : state.open) {
    if (offset > event.offset) break;
    if (!conflated || channel.at(offset).key == published.key) before.push_back(offset);
  }
  if (!conflated && event.merged > 0) return complain(where + " is merged although nobody asked for that");
  if (event.merged > 0 && !std::ranges::binary_search(before, event.from)) {
    return complain(fmt::format("{} stands for events from {} on, which is none of them", where, event.from));
  }
  // Of those that need not have come nobody can say which are merged, and which never were to come.
  const std::uint64_t from = event.merged > 0 ? event.from : event.offset;
  std::uint64_t must = 0;
  std::uint64_t may = 0;
  for (const std::uint64_t offset : before) {
    const bool due = state.open.at(offset);
    if (due && offset < from)
      return complain(fmt::format("{} came, and {} before it did not", where, offset));
    if (offset >= from) {
      ++may;
      if (due) ++must;
      state.told.insert(offset);
    }
    state.open.erase(offset);
  }
  if (event.merged < must || event.merged > may) {
    complain(
        fmt::format("{} says that {} are merged into it, and {} to {} are", where, event.merged, must, may));
  }
}

bool Audit::complete() {
  if (!asked_.empty() || !complaint_.empty()) return false;
  extend_all();
  return std::ranges::none_of(states_, [](const auto& state) {
    return std::ranges::any_of(state.second.open, [](const auto& open) { return open.second; });
  });
}

std::string Audit::missing() const {
  if (!asked_.empty()) return fmt::format("the answer to command {}", asked_.begin()->first);
  for (const auto& [name, state] : states_) {
    for (const auto& [offset, must] : state.open) {
      if (must) return fmt::format("{} {}", name, offset);
    }
  }
  return "nothing";
}

// --- Counters ----------------------------------------------------------------

void Audit::judge_heartbeat(const json& data) {
  ++heartbeats_;
  if (data.at("delivered") != delivered_) {
    complain(fmt::format("a heartbeat counts {} delivered events; {} came", data.at("delivered").dump(),
                         delivered_));
  }
  // One that has been replaced is counted before the one that stands for it comes.
  if (data.at("merged") < merged_) {
    complain(fmt::format("a heartbeat counts {} merged events, those that came {}", data.at("merged").dump(),
                         merged_));
  }
  if (!full_count_) return;
  full_count_ = false;
  if (data.at("merged") != merged_) {
    complain(fmt::format("nothing waits, and {} events are counted as merged, not {}",
                         data.at("merged").dump(), merged_));
  }
  if (filtered_known_ && data.at("filtered") != filtered_) {
    complain(fmt::format("{} events are counted as filtered, not {}", data.at("filtered").dump(), filtered_));
  }
  if (filtered_known_ && data.at("dropped") != 0) {
    complain(fmt::format("{} events are counted as dropped", data.at("dropped").dump()));
  }
  if (data.at("queued_bytes") != 0) complain("bytes are counted as queued although everything has come");
}

}  // namespace wskit::server::model
