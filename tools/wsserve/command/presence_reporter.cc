#include "wsserve/command/presence_reporter.h"

#include <utility>

#include "wsserve/cluster/bus.h"
#include "wsserve/command/command_host.h"
#include "wsserve/connection/peer.h"
#include "wsserve/fanout/fanout.h"
#include "wsserve/index/pattern_index.h"
#include "wsserve/presence/people.h"

namespace wskit::server::people {
namespace {

constexpr std::string_view kPrefix = "@presence/";

bool is_watch(std::string_view name) { return name.starts_with(kPrefix); }

// A pattern is no channel that somebody could be on.
bool is_for_members(std::string_view name) {
  return !protocol::is_server_channel(name) && !protocol::looks_like_pattern(name);
}

protocol::Pattern watched_by(std::string_view name) {
  return *protocol::Pattern::parse(name.substr(kPrefix.size()));
}

Presence::Member member_of(const Peer& peer) {
  return {.connection = peer.client().id(), .user = peer.client().identity().user};
}

void note(const Peer& peer, std::map<std::uint64_t, Presence::Member>& here) {
  here.insert_or_assign(peer.client().number(), member_of(peer));
}

const Peer& peer_of(const Audience::Member& member) { return static_cast<const Peer&>(*member.subscriber); }

}  // namespace

Presence& PresenceReporter::presence() const { return host_.server.people().presence(); }

void PresenceReporter::subscribing(const Peer& peer, std::string_view name) {
  if (is_watch(name)) {
    // Known to all shards before the subscription is answered.
    presence().watch(watched_by(name));
    return host_.server.bus().tell(cluster::ReloadPresence{{watched_by(name).text()}});
  }
  if (!presence().any_watched() || !is_for_members(name)) return;
  if (Members* here = members(name)) {
    note(peer, *here);
    presence().came(std::string(name), here->at(peer.client().number()));
  }
}

void PresenceReporter::unsubscribing(const Peer& peer, std::string_view name) {
  if (is_watch(name)) return unwatched_.push_back(watched_by(name));
  if (!presence().any_watched() || !is_for_members(name)) return;
  Members* here = members(name);
  if (here == nullptr) return;
  const auto found = here->find(peer.client().number());
  if (found == here->end()) return;
  went(std::string(name), found->second);
  here->erase(found);
}

void PresenceReporter::renamed(const Peer& peer) {
  for (auto& [channel, here] : told_) {
    const auto found = here.find(peer.client().number());
    if (found == here.end()) continue;
    went(channel, found->second);
    found->second = member_of(peer);
    presence().came(channel, found->second);
  }
}

void PresenceReporter::look(std::span<const std::string> channels) {
  to_look_at_.insert(to_look_at_.end(), channels.begin(), channels.end());
}

void PresenceReporter::stop_watching() {
  if (unwatched_.empty()) return;
  cluster::ReloadPresence order;
  for (const protocol::Pattern& channels : unwatched_) order.channels.push_back(channels.text());
  presence().unwatch(unwatched_);
  unwatched_.clear();
  host_.server.bus().tell(order);
}

void PresenceReporter::end_turn() {
  stop_watching();
  if (!to_look_at_.empty()) look_now();
}

void PresenceReporter::look_now() {
  PatternIndex<bool> asked;
  bool all_are_names = true;
  for (const std::string& pattern : to_look_at_) {
    asked[pattern] = true;
    all_are_names = all_are_names && !protocol::looks_like_pattern(pattern);
  }
  const auto channels = std::exchange(to_look_at_, {});
  std::erase_if(
      told_, [&](const auto& told) { return asked.any(told.first) && !presence().is_watched(told.first); });
  if (!presence().any_watched()) return;
  const auto meet_all = [this](const Audience& audience) {
    for (const Audience::Member& member : audience.members()) meet(audience.name(), peer_of(member));
  };
  if (!all_are_names) {
    return host_.fanout.visit_names([&](const Audience& audience) {
      if (is_for_members(audience.name()) && asked.any(audience.name())) meet_all(audience);
    });
  }
  for (const std::string& name : channels) {
    if (const Audience* audience = host_.fanout.audience_of(name)) meet_all(*audience);
  }
}

void PresenceReporter::meet(const std::string& channel, const Peer& peer) {
  if (!peer.is_open()) return;
  if (Members* here = members(channel)) note(peer, *here);
  // Also where it was told before: whoever watched then may have left.
  presence().was_here(channel, member_of(peer));
}

PresenceReporter::Members* PresenceReporter::members(std::string_view channel) {
  if (!presence().is_watched(channel)) return nullptr;
  const auto [found, is_new] = told_.try_emplace(std::string(channel));
  if (!is_new) return &found->second;
  const Audience* audience = host_.fanout.audience_of(channel);
  if (audience == nullptr) return &found->second;
  for (const Audience::Member& member : audience->members()) {
    const Peer& peer = peer_of(member);
    if (!peer.is_open()) continue;
    note(peer, found->second);
    presence().was_here(found->first, found->second.at(peer.client().number()));
  }
  return &found->second;
}

void PresenceReporter::went(const std::string& channel, const Presence::Member& member) {
  presence().went(channel, member, host_.now);
  if (waits_) return;
  waits_ = true;
  host_.wheel.schedule(*this, host_.now + Presence::kPatience);
}

void PresenceReporter::on_deadline() noexcept {
  // Tried again, should it fail.
  std::optional<Clock::time_point> next = host_.now + Presence::kPatience;
  host_.guard("the report of who has left", [&] { next = presence().tell_left(host_.now); });
  waits_ = next.has_value();
  if (next) host_.wheel.schedule(*this, *next);
}

}  // namespace wskit::server::people
