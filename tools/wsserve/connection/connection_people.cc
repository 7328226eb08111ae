// What a connection says of itself to administrators.
#include "wsserve/connection/connection.h"
#include "wsserve/connection/host.h"

namespace wskit::server {

std::string Connection::describe() const {
  constexpr std::string_view kKinds[] = {"websocket", "echo", "events"};  // by Service
  std::vector<std::string_view> names;
  for (const auto& subscription : subscriptions_) names.emplace_back(subscription->name());
  const auto silence = std::chrono::duration_cast<std::chrono::microseconds>(host_.now - last_heard_);
  people::Record record = record_;
  record.bytes_out = writer_.bytes_out();
  return people::to_json({.connection = client_.id(),
                          .user = client_.identity().user,
                          .address = client_.address().to_string(),
                          .kind = kKinds[static_cast<std::size_t>(service_)],
                          .last_seen = protocol::system_now() - silence,
                          .record = record,
                          .counters = counters(),
                          .subscriptions = std::move(names)});
}

bool Connection::hears(std::string_view channel) const { return subscriptions_.hear(channel); }

void Connection::take_announcement(std::string_view channel, const ChunkPtr& frame) {
  const bool takes =
      phase_ == Phase::kOpen && service_ == Service::kCommands && !client_.identity().awaits_token;
  if (takes && !hears(channel)) host_.fanout.replay(*this, {&frame, 1});
}

}  // namespace wskit::server
