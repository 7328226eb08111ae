// One subscriber's wish for one name or pattern, and all who share that wish.
//
// Threads: one, the shard's.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/protocol/channel.h"
#include "wsserve/fanout/pace.h"
#include "wsserve/fanout/subscriber.h"
#include "wsserve/fanout/type_filter.h"

namespace wskit::server {

class Audience;
class LocalChannel;

struct Subscription {
  Subscription() = default;
  ~Subscription();  // leaves its audience, if it is still in it
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  Subscriber* subscriber = nullptr;
  Audience* audience = nullptr;
  std::uint32_t index = 0;  // in the audience
  std::uint32_t place = 0;  // in its subscriber's list
  std::uint64_t seam = 0;   // only deliveries numbered after it are for this subscription
  TypeFilterPtr filter;     // null: every type
  Pace pace;
  // The server subscribed it unasked, with every type: the first set of types that is
  // asked for takes the place of all.
  bool unasked = false;

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] bool is_cut() const { return filter != nullptr || pace.asked_for(); }
};

// Everybody on one shard who subscribed the same name or pattern.
class Audience {
 public:
  struct Member {
    Subscriber* subscriber;
    Subscription* subscription;
    bool cut;  // by a filter or a pace
  };

  // The audience of a plain name is part of `channel`.
  Audience(std::string name, LocalChannel& channel) : name_(std::move(name)), channel_(&channel) {}
  explicit Audience(protocol::Pattern pattern) : name_(pattern.text()), pattern_(std::move(pattern)) {}
  // Subscriptions that outlive it are in none.
  ~Audience();
  Audience(const Audience&) = delete;
  Audience& operator=(const Audience&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  // One of the two is null.
  [[nodiscard]] LocalChannel* channel() const { return channel_; }
  [[nodiscard]] const protocol::Pattern* pattern() const { return pattern_ ? &*pattern_ : nullptr; }

  // Whether events of that channel are for this audience.
  [[nodiscard]] bool selects(std::string_view channel) const {
    return pattern_ ? pattern_->matches(channel) : name_ == channel;
  }

  [[nodiscard]] const std::vector<Member>& members() const { return members_; }
  [[nodiscard]] bool empty() const { return members_.empty(); }
  // Somebody is about to join: it is not let go of though nobody is in it.
  void pin() { ++pins_; }
  void unpin() { --pins_; }
  [[nodiscard]] bool is_pinned() const { return pins_ > 0; }
  // Every channel that it is for knows of it.
  void set_ready() { ready_ = true; }
  [[nodiscard]] bool is_ready() const { return ready_; }
  // No member's seam is later than this one.
  [[nodiscard]] std::uint64_t latest_seam() const { return latest_seam_; }

  void add(Subscription& subscription);
  void remove(Subscription& subscription);
  void wish_changed(const Subscription& subscription);

 private:
  std::string name_;
  LocalChannel* channel_ = nullptr;
  std::optional<protocol::Pattern> pattern_;
  std::vector<Member> members_;
  std::uint64_t latest_seam_ = 0;
  std::uint32_t pins_ = 0;
  bool ready_ = false;
};

inline const std::string& Subscription::name() const { return audience->name(); }

}  // namespace wskit::server
