#include "wsserve/channel/channel_shares.h"

namespace wskit::server {

bool ChannelShares::has_room(std::string_view of, std::size_t most) const {
  if (of.empty() || most == 0) return true;
  const auto known = shares_.find(of);
  return known == shares_.end() || known->second.channels_ < most;
}

ChannelShares::Share* ChannelShares::take(std::string_view of) {
  if (of.empty()) return nullptr;
  auto known = shares_.find(of);
  if (known == shares_.end()) {
    known = shares_.emplace(of, Share()).first;
    known->second.of_ = known->first;
  }
  ++known->second.channels_;
  return &known->second;
}

void ChannelShares::give_back(Share* share) noexcept {
  if (share == nullptr || --share->channels_ > 0) return;
  shares_.erase(shares_.find(share->of_));
}

}  // namespace wskit::server
