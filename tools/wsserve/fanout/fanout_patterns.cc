// Patterns that come and go, and channels that nobody hears any more: work on as many
// channels as there are, done some at a time.
#include <algorithm>
#include <chrono>
#include <memory>
#include <unordered_set>
#include <utility>

#include "wsserve/channel/hub.h"
#include "wsserve/fanout/fanout.h"

namespace wskit::server {

Audience& Fanout::ready_audience(const protocol::Pattern& pattern) {
  Audience& audience = audience_for(pattern);
  if (!audience.is_ready()) {
    for (Channel* channel : hub_.add_pattern(pattern, shard_)) look_at(*channel);
    audience.set_ready();
  }
  return audience;
}

// None in the index is null, whatever is thrown.
Audience& Fanout::audience_for(const protocol::Pattern& pattern) {
  if (std::unique_ptr<Audience>* known = patterns_.find(pattern.text())) return **known;
  auto made = std::make_unique<Audience>(pattern);
  Audience& audience = *made;
  patterns_[pattern.text()] = std::move(made);
  return audience;
}

std::vector<Audience*> Fanout::audiences(std::string_view channel) const {
  std::vector<Audience*> found;
  patterns_.visit(channel, [&](const std::unique_ptr<Audience>& audience) {
    found.push_back(audience.get());
    return true;
  });
  return found;
}

bool Fanout::prepare(std::vector<protocol::Pattern> patterns, std::function<void()> done) {
  Look look;
  look.pinned.reserve(patterns.size());
  try {
    for (protocol::Pattern& pattern : patterns) {
      Audience& audience = audience_for(pattern);
      look.pinned.push_back(&audience);
      audience.pin();
      if (!audience.is_ready()) look.patterns.push_back(std::move(pattern));
    }
    if (go_on(look, std::chrono::steady_clock::now() + kSlice)) {
      finish(look);
      return true;
    }
    look.done = std::move(done);
    looks_.push_back(std::move(look));
    return false;
  } catch (...) {
    for (Audience* audience : look.pinned) audience->unpin();
    throw;
  }
}
void Fanout::tidy() {
  if (!left_patterns_.empty()) let_go_of_empty_patterns();
  if (!looks_.empty()) work_until(std::chrono::steady_clock::now() + kSlice);
  if (std::exchange(any_left_, false)) left_channels_.assign(locals_.begin(), locals_.end());
  if (!left_channels_.empty()) let_go_of_empty_channels();
}

void Fanout::let_go_of_empty_patterns() {
  // In the list from the beginning: whatever is thrown, channels refer to those that are
  // gone until the look has been at them.
  Look& look = looks_.emplace_back();
  for (const std::string& text : std::exchange(left_patterns_, {})) {
    // The same one may be listed twice, or have been joined again.
    std::unique_ptr<Audience>* audience = patterns_.find(text);
    if (audience == nullptr || !(*audience)->empty() || (*audience)->is_pinned()) continue;
    look.patterns.push_back(*(*audience)->pattern());
    look.gone.push_back(std::move(*audience));
    patterns_.erase(text);
    hub_.remove_pattern(text, shard_);
  }
  if (look.patterns.empty()) looks_.pop_back();
}

void Fanout::work_until(Time deadline) {
  while (!looks_.empty()) {
    // It stays in the list while it works: what is thrown leaves it there, to go on later.
    if (!go_on(looks_.front(), deadline)) {
      // The others have their turn, so that a short one does not wait for a long one.
      if (looks_.size() > 1) {
        looks_.push_back(std::move(looks_.front()));
        looks_.pop_front();
      }
      return;
    }
    Look look = std::move(looks_.front());
    looks_.pop_front();
    finish(look);
  }
}

// Where patterns match as many channels as there are, or would take long to find them, one
// look at all channels costs less than one at each match.
bool Fanout::go_on(Look& look, Time deadline) {
  constexpr std::size_t kBetweenClocks = 32;
  while (true) {
    for (std::size_t looked = 0; look.next_channel < look.channels.size(); ++looked) {
      if (looked == kBetweenClocks) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        looked = 0;
      }
      look_at(*look.channels[look.next_channel]);
      ++look.next_channel;
    }
    look.channels.clear();
    look.next_channel = 0;
    if (look.next_pattern == look.patterns.size()) return true;
    const bool comes = !look.pinned.empty();
    const bool all_at_once = look.found >= hub_.channel_count();
    if (all_at_once) {
      if (comes) {
        for (std::size_t i = look.next_pattern; i < look.patterns.size(); ++i) {
          hub_.hear_of(look.patterns[i], shard_);
        }
      }
      look.channels = hub_.all();
      look.next_pattern = look.patterns.size();
    } else {
      const protocol::Pattern& pattern = look.patterns[look.next_pattern];
      look.channels = comes ? hub_.add_pattern(pattern, shard_) : hub_.candidates(pattern);
      ++look.next_pattern;
    }
    look.found += look.channels.size();
    if (std::chrono::steady_clock::now() >= deadline) return false;
  }
}

void Fanout::finish(Look& look) {
  for (Audience* audience : look.pinned) audience->set_ready();
  if (look.done) look.done();
  for (Audience* audience : look.pinned) {
    audience->unpin();
    if (audience->empty()) left_patterns_.push_back(audience->name());
  }
}

void Fanout::look_at(Channel& channel) {
  ++looks_made_;
  LocalChannel* here = LocalChannel::of(channel, shard_);
  if (here != nullptr) {
    here->patterns = audiences(channel.name());
    // Between turns, for a run may refer to it.
    if (!here->has_audience()) return note_left(*here);
  } else if (!patterns_.any(channel.name())) {
    return channel.lose_interest(shard_);
  }
  channel.show_interest(shard_);
}

void Fanout::let_go_of(std::span<Channel* const> channels) {
  if (looks_.empty()) return;
  const std::unordered_set<const Channel*> gone(channels.begin(), channels.end());
  for (Look& look : looks_) {
    const auto next = look.channels.begin() + static_cast<std::ptrdiff_t>(look.next_channel);
    const auto left = std::remove_if(next, look.channels.end(), [&](Channel* each) {
      if (!gone.contains(each)) return false;
      // One that somebody hears is not forgotten after all.
      look_at(*each);
      return true;
    });
    look.channels.erase(left, look.channels.end());
  }
}

void Fanout::let_go_of_empty_channels() {
  for (LocalChannel* channel : left_channels_) {
    // The same one may be listed twice.
    if (!locals_.contains(channel) || channel->has_audience()) continue;
    locals_.erase(channel);
    Channel& whole = channel->channel();
    // In this order, for a channel that nobody hears may be forgotten at any moment.
    whole.local(shard_).reset();
    whole.lose_interest(shard_);
  }
  left_channels_.clear();
}
}  // namespace wskit::server
