#include "wsserve/command/presence_reporter.h"

#include <utility>

#include "wsserve/command/command_host.h"
#include "wsserve/connection/connection.h"
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

Presence::Member member_of(const Connection& connection) {
  return {.connection = connection.client().id(), .user = connection.client().identity().user};
}

void note(const Connection& connection, std::map<std::uint64_t, Presence::Member>& here) {
  here.insert_or_assign(connection.number(), member_of(connection));
}

const Connection& connection_of(const Audience::Member& member) {
  return static_cast<const Connection&>(*member.subscriber);
}

}  // namespace

Presence& PresenceReporter::presence() const { return host_.server.people().presence(); }

void PresenceReporter::subscribing(const Connection& connection, std::string_view name) {
  if (is_watch(name)) {
    // Known to all shards before the subscription is answered.
    presence().watch(watched_by(name));
    return host_.server.people().on_every_shard([channels = watched_by(name)](CommandHost& each) {
      each.presence.look({&channels, 1});
    });
  }
  if (!presence().any_watched() || !is_for_members(name)) return;
  if (Members* here = members(name)) {
    note(connection, *here);
    presence().came(std::string(name), here->at(connection.number()));
  }
}

void PresenceReporter::unsubscribing(const Connection& connection, std::string_view name) {
  if (is_watch(name)) return unwatched_.push_back(watched_by(name));
  if (!presence().any_watched() || !is_for_members(name)) return;
  Members* here = members(name);
  if (here == nullptr) return;
  const auto found = here->find(connection.number());
  if (found == here->end()) return;
  went(std::string(name), found->second);
  here->erase(found);
}

void PresenceReporter::renamed(const Connection& connection) {
  for (auto& [channel, here] : told_) {
    const auto found = here.find(connection.number());
    if (found == here.end()) continue;
    went(channel, found->second);
    found->second = member_of(connection);
    presence().came(channel, found->second);
  }
}

void PresenceReporter::look(std::span<const protocol::Pattern> channels) {
  to_look_at_.insert(to_look_at_.end(), channels.begin(), channels.end());
}

void PresenceReporter::stop_watching() {
  if (unwatched_.empty()) return;
  presence().unwatch(unwatched_);
  host_.server.people().on_every_shard(
      [channels = std::exchange(unwatched_, {})](CommandHost& each) { each.presence.look(channels); });
}

void PresenceReporter::end_turn() {
  stop_watching();
  if (!to_look_at_.empty()) look_now();
}

void PresenceReporter::look_now() {
  PatternIndex<bool> asked;
  bool all_are_names = true;
  for (const protocol::Pattern& pattern : to_look_at_) {
    asked[pattern.text()] = true;
    all_are_names = all_are_names && !protocol::looks_like_pattern(pattern.text());
  }
  const auto channels = std::exchange(to_look_at_, {});
  std::erase_if(
      told_, [&](const auto& told) { return asked.any(told.first) && !presence().is_watched(told.first); });
  if (!presence().any_watched()) return;
  const auto meet_all = [this](const Audience& audience) {
    for (const Audience::Member& member : audience.members()) meet(audience.name(), connection_of(member));
  };
  if (!all_are_names) {
    return host_.fanout.visit_names([&](const Audience& audience) {
      if (is_for_members(audience.name()) && asked.any(audience.name())) meet_all(audience);
    });
  }
  for (const protocol::Pattern& name : channels) {
    if (const Audience* audience = host_.fanout.audience_of(name.text())) meet_all(*audience);
  }
}

void PresenceReporter::meet(const std::string& channel, const Connection& connection) {
  if (!connection.is_open()) return;
  if (Members* here = members(channel)) note(connection, *here);
  // Also where it was told before: whoever watched then may have left.
  presence().was_here(channel, member_of(connection));
}

PresenceReporter::Members* PresenceReporter::members(std::string_view channel) {
  if (!presence().is_watched(channel)) return nullptr;
  const auto [found, is_new] = told_.try_emplace(std::string(channel));
  if (!is_new) return &found->second;
  const Audience* audience = host_.fanout.audience_of(channel);
  if (audience == nullptr) return &found->second;
  for (const Audience::Member& member : audience->members()) {
    const Connection& connection = connection_of(member);
    if (!connection.is_open()) continue;
    note(connection, found->second);
    presence().was_here(found->first, found->second.at(connection.number()));
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
