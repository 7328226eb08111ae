#include "wsserve/hub.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "wsserve/fanout/local_channel.h"
#include "wsserve/inbox.h"

namespace wskit::server {
namespace {

// So that nobody who looks for a channel waits long.
constexpr std::size_t kForgottenAtATime = 10'000;

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
         store::Store* store, AgeClock::EvenClock even_clock)
    : inboxes_(inboxes),
      histories_(limits.max_history_bytes),
      dedup_ids_(limits.max_dedup_bytes),
      epoch_prefix_(random_token(8)),
      store_(store),
      ages_(std::move(even_clock)),
      limits_(limits),
      rules_(std::move(rules)) {
  if (store_ == nullptr) return;
  const std::lock_guard lock(mutex_);
  for (const store::StoredChannel* stored : store_->channels()) {
    if (rules_.options_for(stored->name()).durable) create(stored->name());
  }
}

Hub::~Hub() = default;

Channel* Hub::find_or_create(std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (const auto found = channels_.find(name); found != channels_.end()) return in_use(found->second.get());
  if (channels_.size() >= limits_.max_channels) return nullptr;
  return create(name);
}

Channel* Hub::create(std::string_view name) {
  std::uint64_t interested = 0;
  for (const PatternInterest& interest : patterns_) {
    if (interest.pattern.matches(name)) interested |= interest.shards;
  }
  const ChannelOptions options = rules_.options_for(name);
  const Channel::Home home{
      .inboxes = inboxes_, .histories = histories_, .dedup_ids = dedup_ids_, .ages = ages_, .store = store_};
  std::unique_ptr<Channel> channel;
  if (store_ != nullptr && options.durable && !protocol::is_server_channel(name)) {
    store::StoredChannel& stored =
        store_->channel(name, {.history = options.stored, .dedup = options.dedup}, next_epoch());
    channel = std::make_unique<Channel>(stored, options, home, interested);
  } else {
    channel = std::make_unique<Channel>(std::string(name), next_epoch(), options, home, interested);
  }
  const std::string_view key = channel->name();
  return channels_.emplace(key, std::move(channel)).first->second.get();
}

Channel* Hub::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = channels_.find(name);
  return found == channels_.end() ? nullptr : in_use(found->second.get());
}

Channel* Hub::in_use(Channel* channel) const {
  if (!idle_.empty()) idle_.erase(channel);
  return channel;
}

std::string Hub::next_epoch() const {
  return forgotten_ == 0 ? epoch_prefix_ : epoch_prefix_ + "." + std::to_string(forgotten_);
}

bool Hub::crowded() const {
  return std::ranges::any_of(inboxes_, [](const auto& inbox) { return inbox->crowded(); }) ||
         (store_ != nullptr && store_->crowded());
}

void Hub::add_pattern(const protocol::Pattern& pattern, std::size_t shard) {
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find(patterns_, pattern, &PatternInterest::pattern);
  if (known == patterns_.end()) {
    patterns_.push_back({pattern, std::uint64_t{1} << shard});
  } else {
    known->shards |= std::uint64_t{1} << shard;
  }
  for (const auto& [name, channel] : channels_) {
    if (pattern.matches(name)) channel->show_interest(shard);
  }
}

bool Hub::is_heard(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = channels_.find(name); found != channels_.end()) return found->second->is_heard();
  return std::ranges::any_of(patterns_, [&](const auto& each) { return each.pattern.matches(name); });
}

void Hub::remove_pattern(std::string_view text, std::size_t shard) {
  const std::lock_guard lock(mutex_);
  for (auto it = patterns_.begin(); it != patterns_.end(); ++it) {
    if (it->pattern.text() != text) continue;
    it->shards &= ~(std::uint64_t{1} << shard);
    if (it->shards == 0) patterns_.erase(it);
    return;
  }
}

std::vector<Channel*> Hub::matching(const protocol::Pattern& pattern) const {
  std::vector<Channel*> matching;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, channel] : channels_) {
    if (pattern.matches(name)) matching.push_back(in_use(channel.get()));
  }
  return matching;
}

std::size_t Hub::reload(const HubLimits& limits, ChannelRules rules, protocol::SystemMicros now) {
  histories_.set_max_bytes(limits.max_history_bytes);
  dedup_ids_.set_max_bytes(limits.max_dedup_bytes);
  std::size_t unchanged = 0;
  const std::lock_guard lock(mutex_);
  limits_ = limits;
  rules_ = std::move(rules);
  for (const auto& [name, channel] : channels_) {
    if (!channel->set_options(rules_.options_for(name), now)) ++unchanged;
  }
  return unchanged;
}

std::vector<Channel*> Hub::expire(protocol::SystemMicros now) {
  ages_.look(now);
  const std::lock_guard lock(mutex_);
  idle_.clear();
  const auto ttl = limits_.channel_ttl;
  for (const auto& [name, channel] : channels_) {
    channel->expire(now);
    if (ttl.count() == 0 || idle_.size() == kForgottenAtATime || !channel->is_idle(now, ttl)) continue;
    idle_.insert(channel.get());
  }
  return {idle_.begin(), idle_.end()};
}

void Hub::forget(protocol::SystemMicros now) {
  std::vector<std::unique_ptr<Channel>> gone;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  for (const Channel* channel : std::exchange(idle_, {})) {
    if (!channel->is_idle(now, limits_.channel_ttl)) continue;
    const auto found = channels_.find(channel->name());
    gone.push_back(std::move(found->second));
    channels_.erase(found);
  }
  forgotten_ += gone.size();
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
