#include "wsserve/channel/hub.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "wsserve/loop/inbox.h"

namespace wskit::server {
namespace {

// So that nobody who looks for a channel waits long.
constexpr std::size_t kForgottenAtATime = 2'000;
// A walk through the index is given up after so many steps, and a quarter of all channels:
// a step is a miss of the cache, some 100 ns, and the lock is held. What comes instead
// looks at each channel, but a few at a time.
constexpr std::uint64_t kStepsAtATime = 16'384;
// As many as are let go of by the shards in one turn.
constexpr std::size_t kIdleAtATime = 100'000;

}  // namespace

std::string random_token(std::size_t characters) {
  static constexpr std::string_view kAlphabet = "0123456789abcdefghijklmnopqrstuv";
  std::string token(characters, '\0');
  if (::getrandom(token.data(), token.size(), 0) != static_cast<ssize_t>(token.size())) {
    throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  for (char& c : token) c = kAlphabet[static_cast<unsigned char>(c) % kAlphabet.size()];
  return token;
}

Hub::Hub(std::span<const std::unique_ptr<Inbox>> inboxes, const HubLimits& limits, ChannelRules rules,
         broker::Broker& broker, AgeClock::EvenClock even_clock)
    : inboxes_(inboxes),
      histories_(limits.max_history_bytes),
      dedup_ids_(limits.max_dedup_bytes),
      epoch_prefix_(random_token(8)),
      broker_(broker),
      ages_(std::move(even_clock)),
      limits_(limits),
      rules_(std::move(rules)) {
  const std::lock_guard lock(mutex_);
  for (const std::string& name : broker_.channels()) {
    if (broker_.keeps(name, rules_.options_for(name).durable)) create(name);
  }
}

Hub::~Hub() = default;

Channel* Hub::find_or_create(std::string_view name) { return find_or_create(name, {}).channel; }

Hub::Made Hub::find_or_create(std::string_view name, std::string_view client) {
  const std::lock_guard lock(mutex_);
  if (const auto found = channels_.find(name); found != channels_.end()) {
    return {.channel = in_use(found->second.channel.get())};
  }
  if (channels_.size() >= limits_.max_channels) return {};
  if (!shares_.has_room(client, limits_.max_channels_per_client)) return {.share_is_taken = true};
  return {.channel = create(name, client)};
}

void Hub::born(const Channel& channel, std::string_view client) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = channels_.find(channel.name());
  if (found == channels_.end() || found->second.share == nullptr) return;
  if (!shares_.has_room(client, limits_.max_channels_per_client)) return;
  ChannelShares::Share* const before = found->second.share;
  try {
    found->second.share = shares_.take(client);
  } catch (...) {
    return;
  }
  shares_.give_back(before);
}

Channel* Hub::create(std::string_view name, std::string_view client) {
  // A shift by all 64 bits, for a hub without shards, is none.
  const std::uint64_t every_shard = inboxes_.empty() ? 0 : ~std::uint64_t{0} >> (64 - inboxes_.size());
  std::uint64_t interested = 0;
  patterns_.visit(name, [&](std::uint64_t shards) {
    interested |= shards;
    return interested != every_shard;
  });
  const ChannelOptions options = rules_.options_for(name);
  const Channel::Home home{
      .inboxes = inboxes_, .histories = histories_, .shared = shared_, .broker = broker_};
  auto channel = std::make_unique<Channel>(std::string(name), next_epoch(name), options, home, interested);
  const std::string_view key = channel->name();
  const auto made = channels_.emplace(key, Entry{std::move(channel), nullptr}).first;
  try {
    made->second.share = shares_.take(client);
    index_.add(key, *made->second.channel);
  } catch (...) {
    shares_.give_back(made->second.share);
    channels_.erase(made);
    throw;
  }
  return made->second.channel.get();
}

Channel* Hub::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = channels_.find(name);
  return found == channels_.end() ? nullptr : in_use(found->second.channel.get());
}

Channel* Hub::in_use(Channel* channel) const {
  if (!idle_.empty()) idle_.erase(channel);
  return channel;
}

std::string Hub::next_epoch(std::string_view name) const {
  const std::uint32_t forgotten = forgotten_in_group_[TextHash()(name) % kEpochGroups];
  return forgotten == 0 ? epoch_prefix_ : epoch_prefix_ + "." + std::to_string(forgotten);
}

bool Hub::crowded() const {
  return std::ranges::any_of(inboxes_, [](const auto& inbox) { return inbox->crowded(); }) ||
         (broker_.is_durable() && broker_.is_crowded());
}

std::vector<Channel*> Hub::add_pattern(const protocol::Pattern& pattern, std::size_t shard) {
  const std::lock_guard lock(mutex_);
  patterns_[pattern.text()] |= std::uint64_t{1} << shard;
  return candidates_locked(pattern);
}

void Hub::hear_of(const protocol::Pattern& pattern, std::size_t shard) {
  const std::lock_guard lock(mutex_);
  patterns_[pattern.text()] |= std::uint64_t{1} << shard;
}

bool Hub::is_heard(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = channels_.find(name); found != channels_.end())
    return found->second.channel->is_heard();
  return patterns_.any(name);
}

void Hub::remove_pattern(std::string_view text, std::size_t shard) {
  const std::lock_guard lock(mutex_);
  std::uint64_t* shards = patterns_.find(text);
  if (shards == nullptr) return;
  *shards &= ~(std::uint64_t{1} << shard);
  if (*shards == 0) patterns_.erase(text);
}

std::vector<Channel*> Hub::candidates(const protocol::Pattern& pattern) const {
  const std::lock_guard lock(mutex_);
  return candidates_locked(pattern);
}

std::vector<Channel*> Hub::candidates_locked(const protocol::Pattern& pattern) const {
  std::vector<Channel*> matching;
  const bool soon = index_.find(pattern, matching, kStepsAtATime + channels_.size() / 4);
  return soon ? in_use(std::move(matching)) : all_locked();
}

std::vector<Channel*> Hub::matching(const protocol::Pattern& pattern) const {
  std::vector<Channel*> matching;
  const std::lock_guard lock(mutex_);
  index_.find(pattern, matching);
  return in_use(std::move(matching));
}

std::vector<Channel*> Hub::in_use(std::vector<Channel*> channels) const {
  if (!idle_.empty()) {
    for (Channel* channel : channels) idle_.erase(channel);
  }
  return channels;
}

std::vector<Channel*> Hub::all() const {
  const std::lock_guard lock(mutex_);
  return all_locked();
}

std::vector<Channel*> Hub::all_locked() const {
  std::vector<Channel*> all;
  all.reserve(channels_.size());
  for (const auto& [name, entry] : channels_) all.push_back(entry.channel.get());
  idle_.clear();
  return all;
}

std::uint64_t Hub::steps() const {
  const std::lock_guard lock(mutex_);
  return index_.steps() + patterns_.steps();
}

std::size_t Hub::reload(const HubLimits& limits, ChannelRules rules, protocol::SystemMicros now) {
  histories_.set_max_bytes(limits.max_history_bytes);
  dedup_ids_.set_max_bytes(limits.max_dedup_bytes);
  std::size_t unchanged = 0;
  const std::lock_guard lock(mutex_);
  limits_ = limits;
  rules_ = std::move(rules);
  for (const auto& [name, entry] : channels_) {
    const ChannelOptions options = rules_.options_for(name);
    entry.channel->set_options(options, now);
    if (entry.channel->is_durable() != broker_.keeps(name, options.durable)) ++unchanged;
  }
  return unchanged;
}

std::vector<Channel*> Hub::expire(protocol::SystemMicros now) {
  ages_.look(now);
  // Only the list is made under the lock: whoever looks for a channel does not wait for
  // a look at all of them, and none is destroyed but by forget().
  std::vector<Channel*> channels = all();
  const auto ttl = [this] {
    const std::lock_guard lock(mutex_);
    return limits_.channel_ttl;
  }();
  std::vector<Channel*> idle;
  for (Channel* channel : channels) {
    channel->expire(now);
    if (idle.size() < kIdleAtATime && channel->is_idle(now, ttl)) idle.push_back(channel);
  }
  const std::lock_guard lock(mutex_);
  // Somebody may have asked for it meanwhile.
  std::erase_if(idle, [&](const Channel* channel) { return !channel->is_idle(now, ttl); });
  idle_.insert(idle.begin(), idle.end());
  return idle;
}

void Hub::forget(protocol::SystemMicros now) {
  for (bool more = true; more;) {
    std::vector<std::unique_ptr<Channel>> gone;  // destroyed without the lock
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < kForgottenAtATime && !idle_.empty(); ++i) {
      const Channel* channel = *idle_.begin();
      idle_.erase(idle_.begin());
      if (!channel->is_idle(now, limits_.channel_ttl)) continue;
      const auto found = channels_.find(channel->name());
      index_.remove(found->first);
      if (!channel->is_unborn()) ++forgotten_in_group_[TextHash()(channel->name()) % kEpochGroups];
      found->second.channel->close();
      shares_.give_back(found->second.share);
      gone.push_back(std::move(found->second.channel));
      channels_.erase(found);
    }
    forgotten_ += gone.size();
    more = !idle_.empty();
  }
}

void Hub::shed_histories() {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, entry] : channels_) entry.channel->shed_history();
}

std::size_t Hub::channel_count() const {
  const std::lock_guard lock(mutex_);
  return channels_.size();
}

std::uint64_t Hub::forgotten() const {
  const std::lock_guard lock(mutex_);
  return forgotten_;
}

}  // namespace wskit::server
