#include "wsserve/connection/subscriptions.h"

#include <algorithm>
#include <utility>

namespace wskit::server {

std::size_t Subscriptions::patterns() const {
  if (index_ != nullptr) return index_->patterns;
  const auto count = std::ranges::count_if(list_, [](const auto& each) { return is_pattern(*each); });
  return static_cast<std::size_t>(count);
}

void Subscriptions::add_to_index(Subscription& subscription) {
  index_->names[subscription.name()] = &subscription;
  if (is_pattern(subscription)) ++index_->patterns;
}

void Subscriptions::add(std::unique_ptr<Subscription> subscription) {
  subscription->place = static_cast<std::uint32_t>(list_.size());
  list_.push_back(std::move(subscription));
  if (index_ != nullptr) {
    add_to_index(*list_.back());
  } else if (list_.size() > kFew) {
    index_ = std::make_unique<Index>();
    for (const auto& each : list_) add_to_index(*each);
  }
}

Subscription* Subscriptions::find(std::string_view name) const {
  if (index_ != nullptr) {
    Subscription* const* found = index_->names.find(name);
    return found == nullptr ? nullptr : *found;
  }
  const auto found = std::ranges::find_if(list_, [&](const auto& each) { return each->name() == name; });
  return found == list_.end() ? nullptr : found->get();
}

bool Subscriptions::hear(std::string_view channel) const {
  if (index_ != nullptr) return index_->names.any(channel);
  return std::ranges::any_of(list_, [&](const auto& each) { return each->audience->selects(channel); });
}

std::unique_ptr<Subscription> Subscriptions::take(Subscription& subscription) {
  const std::uint32_t place = subscription.place;
  if (index_ != nullptr) {
    index_->names.erase(subscription.name());
    if (is_pattern(subscription)) --index_->patterns;
  }
  std::unique_ptr<Subscription> taken = std::exchange(list_[place], nullptr);
  if (place + 1 < list_.size()) {
    list_[place] = std::move(list_.back());
    list_[place]->place = place;
  }
  list_.pop_back();
  if (list_.size() <= kFew / 2) index_.reset();
  return taken;
}

Subscriptions::List Subscriptions::take_all() {
  index_.reset();
  return std::exchange(list_, {});
}

}  // namespace wskit::server
