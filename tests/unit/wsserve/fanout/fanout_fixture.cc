#include "fanout_fixture.h"

#include <gtest/gtest.h>

#include <utility>

namespace wskit::server {
namespace {

std::vector<std::unique_ptr<Inbox>> two_inboxes() {
  std::vector<std::unique_ptr<Inbox>> inboxes;
  for (int i = 0; i < 2; ++i) inboxes.push_back(std::make_unique<Inbox>());
  return inboxes;
}

}  // namespace

FanoutFixture::FanoutFixture()
    : inboxes_(two_inboxes()),
      hub_(inboxes_, HubLimits{}, ChannelRules{}, broker_),
      fanout_(hub_, kShard, *inboxes_[kShard]) {}

FanoutFixture::~FanoutFixture() = default;

Recorder& FanoutFixture::who(const std::string& name, WireForm form) {
  auto& recorder = recorders_[name];
  if (recorder == nullptr) recorder = std::make_unique<Recorder>(form);
  return *recorder;
}

Position FanoutFixture::join(const std::string& name, const std::string& channel_or_pattern,
                             TypeFilterPtr filter) {
  Position position;
  auto& subscription = subscriptions_[{name, channel_or_pattern}];
  EXPECT_EQ(subscription, nullptr) << "a subscriber subscribes a name once";
  if (protocol::looks_like_pattern(channel_or_pattern)) {
    const auto pattern = protocol::Pattern::parse(channel_or_pattern);
    subscription = fanout_.subscribe(who(name), *pattern, std::move(filter));
  } else {
    Channel* channel = hub_.find_or_create(channel_or_pattern);
    subscription = fanout_.subscribe(who(name), *channel, std::move(filter), position);
  }
  return position;
}

void FanoutFixture::leave(const std::string& name, const std::string& channel_or_pattern) {
  auto node = subscriptions_.extract({name, channel_or_pattern});
  fanout_.unsubscribe(std::move(node.mapped()));
}

void FanoutFixture::filter(const std::string& name, const std::string& channel_or_pattern,
                           TypeFilterPtr filter) {
  fanout_.change_filter(*subscriptions_.at({name, channel_or_pattern}), std::move(filter));
}

std::uint64_t FanoutFixture::publish(std::string_view channel, std::string_view type, std::string_view data) {
  protocol::PublishEvent event;
  event.channel = channel;
  event.type = type;
  event.data = data.empty() ? "1" : data;
  const protocol::SystemMicros now(std::chrono::microseconds(1));
  return hub_.find_or_create(channel)->publish(event, {now, "2026-11-20T10:00:00.123456Z"}).offset;
}

void FanoutFixture::turn(std::size_t slice, const std::function<void()>& between) {
  const std::uint64_t first = inbox().take(deliveries_, tasks_);
  fanout_.collect(deliveries_, first);
  deliveries_.clear();
  tasks_.clear();
  fanout_.flush(slice, between);
  fanout_.tidy();
}

}  // namespace wskit::server
