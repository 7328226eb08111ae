#include "wsserve/fanout/subscription.h"

#include <algorithm>

namespace wskit::server {

Subscription::~Subscription() {
  if (audience != nullptr) audience->remove(*this);
}

Audience::~Audience() {
  for (const Member& member : members_) member.subscription->audience = nullptr;
}

void Audience::add(Subscription& subscription) {
  members_.push_back({subscription.subscriber, &subscription, subscription.is_cut()});
  subscription.audience = this;
  subscription.index = static_cast<std::uint32_t>(members_.size() - 1);
  latest_seam_ = std::max(latest_seam_, subscription.seam);
}

void Audience::remove(Subscription& subscription) {
  const std::uint32_t index = subscription.index;
  members_[index] = members_.back();
  members_[index].subscription->index = index;
  members_.pop_back();
  subscription.audience = nullptr;
}

void Audience::wish_changed(const Subscription& subscription) {
  members_[subscription.index].cut = subscription.is_cut();
}

}  // namespace wskit::server
