// What one connection has subscribed, by name and pattern.
//
// Threads: one, the shard's.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "wsserve/fanout/subscription.h"
#include "wsserve/index/pattern_index.h"

namespace wskit::server {

class Subscriptions {
 public:
  using List = std::vector<std::unique_ptr<Subscription>>;

  // In no particular order, but for back().
  [[nodiscard]] auto begin() const { return list_.begin(); }
  [[nodiscard]] auto end() const { return list_.end(); }
  [[nodiscard]] std::size_t size() const { return list_.size(); }
  [[nodiscard]] bool empty() const { return list_.empty(); }
  // The one that was added last. REQUIRES: none was taken since.
  [[nodiscard]] Subscription& back() const { return *list_.back(); }
  [[nodiscard]] std::size_t patterns() const;

  // REQUIRES: it has an audience, and there is none of that name yet.
  void add(std::unique_ptr<Subscription> subscription);
  // The one of exactly that name or pattern, or null.
  [[nodiscard]] Subscription* find(std::string_view name) const;
  // Whether one of them is for that channel.
  [[nodiscard]] bool hear(std::string_view channel) const;

  // Calls `see` with each that is for that channel.
  template <class See>
  void visit(std::string_view channel, const See& see) const {
    if (index_ != nullptr) {
      index_->names.visit(channel, [&see](const Subscription* each) {
        see(*each);
        return true;
      });
      return;
    }
    for (const auto& each : list_) {
      if (each->audience->selects(channel)) see(*each);
    }
  }

  // REQUIRES: it is one of them, and in its audience still.
  [[nodiscard]] std::unique_ptr<Subscription> take(Subscription& subscription);
  [[nodiscard]] List take_all();

 private:
  // So many are looked through faster than an index is asked, and most have fewer.
  static constexpr std::size_t kFew = 8;

  struct Index {
    PatternIndex<Subscription*> names;
    std::size_t patterns = 0;
  };
  static bool is_pattern(const Subscription& subscription) {
    return subscription.audience->pattern() != nullptr;
  }
  void add_to_index(Subscription& subscription);

  List list_;
  std::unique_ptr<Index> index_;  // null: they are few
};

}  // namespace wskit::server
