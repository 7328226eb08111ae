#include "wsserve/command/bus_member.h"

#include <utility>
#include <variant>

#include "wsserve/command/announcement.h"
#include "wsserve/command/command_host.h"
#include "wsserve/command/connection_list.h"
#include "wsserve/command/presence_reporter.h"
#include "wsserve/command/present_list.h"
#include "wsserve/command/subscription_count.h"

namespace wskit::server::people {
namespace {

// Each question with the function that answers it.
struct Answering {
  CommandHost& host;

  cluster::Answer operator()(const cluster::ListConnections& asked) const {
    return list_connections(host, asked);
  }
  cluster::Answer operator()(const cluster::ListPresent& asked) const { return list_present(host, asked); }
  cluster::Answer operator()(const cluster::CountSubscriptions& asked) const {
    return count_subscriptions(host, asked);
  }
  cluster::Answer operator()(const cluster::Disconnect& asked) const { return disconnect(host, asked); }
};

}  // namespace

void BusMember::post(std::function<void()> task) { host_.inbox.post(std::move(task)); }

void BusMember::announce_to_all(const std::string& channel, const ChunkPtr& frame) {
  deliver_to_all(host_, channel, frame);
}

void BusMember::announce_to(std::uint64_t connection, const std::string& channel, const ChunkPtr& frame) {
  deliver_to(host_, connection, channel, frame);
}

void BusMember::reload_presence(const cluster::ReloadPresence& order) { host_.presence.look(order.channels); }

std::optional<cluster::Answer> BusMember::answer(const cluster::Question& question) noexcept {
  std::optional<cluster::Answer> answer;
  host_.guard("a survey", [&] { answer = std::visit(Answering{host_}, question); });
  return answer;
}

}  // namespace wskit::server::people
