// One shard's fan-out without the shard, and a second inbox beside it for the
// events that are none of its business.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "recorder.h"
#include "wsserve/broker/memory_broker.h"
#include "wsserve/channel/hub.h"
#include "wsserve/fanout/fanout.h"
#include "wsserve/loop/inbox.h"

namespace wskit::server {

class FanoutFixture {
 public:
  static constexpr std::size_t kShard = 0;

  FanoutFixture();
  ~FanoutFixture();
  FanoutFixture(const FanoutFixture&) = delete;
  FanoutFixture& operator=(const FanoutFixture&) = delete;

  // A subscriber by its name, made when it is first named.
  Recorder& who(const std::string& name, WireForm form = WireForm::kPlain);
  [[nodiscard]] std::string received(const std::string& name) { return who(name).received(); }

  // `name` subscribes a channel (its position is returned) or a pattern.
  Position join(const std::string& name, const std::string& channel_or_pattern,
                TypeFilterPtr filter = nullptr);
  void leave(const std::string& name, const std::string& channel_or_pattern);
  void filter(const std::string& name, const std::string& channel_or_pattern, TypeFilterPtr filter);

  // Publishes `data`, or 1; returns the offset.
  std::uint64_t publish(std::string_view channel, std::string_view type = "trade",
                        std::string_view data = {});

  // One turn of the shard: what the inbox holds goes to whom it concerns.
  void turn(
      std::size_t slice = 1000, const std::function<void()>& between = [] {});

  [[nodiscard]] Hub& hub() { return hub_; }
  [[nodiscard]] Fanout& fanout() { return fanout_; }
  [[nodiscard]] Inbox& inbox() { return *inboxes_[kShard]; }
  [[nodiscard]] Inbox& other_inbox() { return *inboxes_[1]; }

 private:
  using Key = std::pair<std::string, std::string>;

  std::vector<std::unique_ptr<Inbox>> inboxes_;
  broker::MemoryBroker broker_;
  Hub hub_;
  std::map<std::string, std::unique_ptr<Recorder>> recorders_;
  std::map<Key, std::unique_ptr<Subscription>> subscriptions_;
  Fanout fanout_;
  std::vector<Delivery> deliveries_;
  std::vector<Inbox::Task> tasks_;
};

}  // namespace wskit::server
