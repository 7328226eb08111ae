#include "wsserve/command/present_list.h"

#include <algorithm>

#include "wsserve/command/command_host.h"
#include "wsserve/connection/peer.h"
#include "wsserve/presence/record.h"

namespace wskit::server::people {

cluster::Answer list_present(const CommandHost& host, const cluster::ListPresent& question) {
  std::vector<const Peer*> here;
  host.fanout.visit_listeners(question.channel, [&here](const Subscriber& subscriber) {
    const auto& peer = static_cast<const Peer&>(subscriber);
    if (peer.is_open()) here.push_back(&peer);
  });
  // One who listens by a name and by patterns is there once.
  std::ranges::sort(here, {}, [](const Peer* each) { return each->client().number(); });
  here.erase(std::unique(here.begin(), here.end()), here.end());
  cluster::Answer answer;
  answer.count = here.size();
  for (std::size_t i = 0; i < std::min(here.size(), question.limit); ++i) {
    answer.entries.push_back(presence_json(here[i]->client().id(), here[i]->client().identity().user));
  }
  return answer;
}

}  // namespace wskit::server::people
