// Every channel of the server by its name, and the patterns that somebody
// subscribed.
//
// Knows nothing of sockets, connections or JSON.
//
// Threads: any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "common/protocol/channel.h"
#include "common/text_hash.h"
#include "wsserve/channel/channel.h"
#include "wsserve/channel/channel_rules.h"
#include "wsserve/channel/channel_shares.h"
#include "wsserve/index/channel_index.h"
#include "wsserve/index/pattern_index.h"
#include "wsserve/loop/age_clock.h"

namespace wskit::server {

class Inbox;

struct HubLimits {
  std::size_t max_channels = 1'000'000;
  std::size_t max_channels_per_client = 0;                 // 0: any number
  std::size_t max_history_bytes = std::size_t{256} << 20;  // of all channels together
  std::size_t max_dedup_bytes = std::size_t{256} << 20;    // the same of their dedup ids and sequences
  // That an empty channel is remembered without being used; 0: for ever. One that was
  // never published to goes with the last who listens.
  std::chrono::microseconds channel_ttl = std::chrono::hours{24};
};

class Hub {
 public:
  // `inboxes`: one a shard; they outlive the hub. At most 64.
  // `broker`: makes the channels' logs; channels that are durable and that it knows are
  // there at once. It outlives the hub, and is stopped before the hub is destroyed.
  // `even_clock`: as in AgeClock.
  Hub(std::span<const std::unique_ptr<Inbox>> inboxes, const HubLimits& limits, ChannelRules rules,
      broker::Broker& broker, AgeClock::EvenClock even_clock = {});
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // The channel of that name, made if it is new; null where there are already
  // `max_channels`. It lives as long as the hub, or until it is forgotten.
  // REQUIRES: a valid name.
  [[nodiscard]] Channel* find_or_create(std::string_view name);

  // The same for `client`: if it is new it counts to them until it is forgotten, and if
  // they have made `max_channels_per_client` already there is none. An empty `client` is
  // not counted.
  struct Made {
    Channel* channel = nullptr;
    bool share_is_taken = false;  // why there is none; else the server is full
  };
  [[nodiscard]] Made find_or_create(std::string_view name, std::string_view client);

  // The first event was published to it, by `client`: it counts to them and no longer to
  // those who made it. Those who may have no more do not take it over, and neither does
  // anybody while there is no memory: the event is accepted, so nothing may fail here.
  void born(const Channel& channel, std::string_view client) noexcept;

  // The channel of that name, or null.
  [[nodiscard]] Channel* find(std::string_view name) const;

  // How old channels think that events are. Who stamps events sees to it that it knows
  // of the clock's jumps.
  [[nodiscard]] AgeClock& ages() { return ages_; }

  // Whether some shard has more to fan out than is good for it, or the broker more
  // to keep: publishers should not be read for a while.
  [[nodiscard]] bool crowded() const;

  // From now on `shard` hears of every new channel that matches. Returns candidates() for
  // those that are there already: they have to be told by Channel::show_interest().
  [[nodiscard]] std::vector<Channel*> add_pattern(const protocol::Pattern& pattern, std::size_t shard);
  // The same without looking for these.
  void hear_of(const protocol::Pattern& pattern, std::size_t shard);
  void remove_pattern(std::string_view text, std::size_t shard);

  // Whether an event published to that name now would find a listener.
  [[nodiscard]] bool is_heard(std::string_view name) const;

  // Channels among which are all that match now: just these where they are soon found,
  // else all that there are.
  [[nodiscard]] std::vector<Channel*> candidates(const protocol::Pattern& pattern) const;
  // The channels that match now, in no particular order.
  [[nodiscard]] std::vector<Channel*> matching(const protocol::Pattern& pattern) const;
  // All of them, in no particular order.
  [[nodiscard]] std::vector<Channel*> all() const;

  // The cost of looks by name and by pattern, for those who measure it.
  [[nodiscard]] std::uint64_t steps() const;

  // Other limits and rules from now on, for the channels that there are too.
  // Returns how many of these stay durable, or not durable, although their rule
  // says otherwise now.
  std::size_t reload(const HubLimits& limits, ChannelRules rules, protocol::SystemMicros now);

  // Lets go of events that have become too old. Returns idle channels, some at a
  // time, which forget() forgets. One thread calls both, and no other destroys channels.
  [[nodiscard]] std::vector<Channel*> expire(protocol::SystemMicros now);
  // Forgets those that expire() returned last, if they are still idle and nobody
  // has asked for them since. REQUIRES: no shard has kept one that it had before.
  void forget(protocol::SystemMicros now);

  // Memory is short: every channel lets go of the older half of its events. REQUIRES: no
  // lock of a channel is held.
  void shed_histories();

  [[nodiscard]] std::size_t channel_count() const;
  // The number of channels that were forgotten since the start.
  [[nodiscard]] std::uint64_t forgotten() const;
  [[nodiscard]] broker::Broker& broker() const { return broker_; }
  [[nodiscard]] const MemoryBudget& histories() const { return histories_; }
  // The budget of dedup ids and sequences.
  [[nodiscard]] const MemoryBudget& dedup_ids() const { return dedup_ids_; }
  [[nodiscard]] Producers& producers() { return producers_; }

 private:
  struct Entry {
    std::unique_ptr<Channel> channel;
    ChannelShares::Share* share = nullptr;  // whom it counts to; null: nobody
  };
  // Empty: not counted. REQUIRES: mutex_ held; the name is new.
  Channel* create(std::string_view name, std::string_view client = {});
  // That of the channel when it is made. A name that was forgotten begins again at
  // offset 1, so it must not meet its old epoch; one that never had an event comes back
  // with the epoch that it had, but where another name of its group was forgotten.
  // REQUIRES: mutex_ held.
  [[nodiscard]] std::string next_epoch(std::string_view name) const;
  static constexpr std::size_t kEpochGroups = 4'096;
  // REQUIRES: mutex_ held.
  [[nodiscard]] std::vector<Channel*> candidates_locked(const protocol::Pattern& pattern) const;
  [[nodiscard]] std::vector<Channel*> all_locked() const;
  // Somebody gets hold of it, or of them. REQUIRES: mutex_ held.
  Channel* in_use(Channel* channel) const;
  [[nodiscard]] std::vector<Channel*> in_use(std::vector<Channel*> channels) const;

  const std::span<const std::unique_ptr<Inbox>> inboxes_;
  MemoryBudget histories_;
  MemoryBudget dedup_ids_;
  Producers producers_;
  const std::string epoch_prefix_;  // random, so that no epoch of another run is met again
  broker::Broker& broker_;
  AgeClock ages_;
  const broker::Shared shared_{dedup_ids_, producers_, ages_};

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  HubLimits limits_;
  ChannelRules rules_;
  // The keys are the channels' own names.
  std::unordered_map<std::string_view, Entry, TextHash, std::equal_to<>> channels_;
  ChannelShares shares_;                       // of these
  ChannelIndex index_;                         // of the same
  PatternIndex<std::uint64_t> patterns_;       // a bit a shard
  mutable std::unordered_set<Channel*> idle_;  // to be forgotten unless somebody asks for them
  std::uint64_t forgotten_ = 0;
  std::vector<std::uint32_t> forgotten_in_group_ = std::vector<std::uint32_t>(kEpochGroups);
};

// A few random letters and digits, from the kernel's generator.
[[nodiscard]] std::string random_token(std::size_t characters);

}  // namespace wskit::server
