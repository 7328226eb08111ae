#include "wsserve/command/route_plan.h"

#include <algorithm>

#include "wsserve/status/stats.h"

namespace wskit::server::routing {
namespace {

// By Failure.
constexpr std::array<Counter ShardCounters::*, kFailures> kCounters{
    &ShardCounters::route_no_value, &ShardCounters::route_bad_channel, &ShardCounters::route_server_full,
    &ShardCounters::route_not_stored};

}  // namespace

void RoutePlan::clear() {
  planned_.clear();
  copies_.clear();
}

void RoutePlan::add(Channel& source, const protocol::PublishEvent& event) {
  first_ = copies_.size();
  planned_.emplace_back();
  const Channel* channel = &source;
  for (std::size_t next = first_;; ++next) {
    if (const ChannelRoutesPtr routes = channel->routes()) {
      planned_.back().routed = true;
      for (const RoutePtr& route : *routes) {
        if (route->takes(event)) follow(*route, channel->name(), event, source);
      }
    }
    if (next == copies_.size()) break;
    channel = copies_[next];
  }
  planned_.back().end = static_cast<std::uint32_t>(copies_.size());
}

void RoutePlan::follow(const Route& route, std::string_view from, const protocol::PublishEvent& event,
                       const Channel& source) {
  for (const Target& target : route.to) {
    std::optional<Failure> failure = target.name(event, from, name_);
    if (!failure) {
      Channel* channel = find_(name_);
      if (channel == nullptr) {
        failure = Failure::kServerFull;
      } else if (channel != &source && !reached(channel)) {
        copies_.push_back(channel);
      }
    }
    if (failure) ++planned_.back().failures[static_cast<std::size_t>(*failure)];
  }
}

bool RoutePlan::reached(const Channel* channel) const {
  return std::find(copies_.begin() + static_cast<std::ptrdiff_t>(first_), copies_.end(), channel) !=
         copies_.end();
}

std::span<Channel* const> RoutePlan::copies(std::size_t index) const {
  const std::size_t begin = index == 0 ? 0 : planned_[index - 1].end;
  return std::span(copies_).subspan(begin, planned_[index].end - begin);
}

void RoutePlan::count(std::size_t index, const Accepted& accepted, ShardCounters& counters) const {
  if (!planned_[index].routed || accepted.duplicate || accepted.unavailable) return;
  counters.routed.add(accepted.copies);
  for (std::size_t i = 0; i < kFailures; ++i) (counters.*kCounters[i]).add(planned_[index].failures[i]);
  counters.route_not_stored.add(copies(index).size() - accepted.copies);
}

}  // namespace wskit::server::routing
