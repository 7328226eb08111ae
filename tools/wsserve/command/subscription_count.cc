#include "wsserve/command/subscription_count.h"

#include "wsserve/command/command_host.h"

namespace wskit::server::people {

cluster::Answer count_subscriptions(const CommandHost& host, const cluster::CountSubscriptions& question) {
  cluster::Answer answer;
  answer.subscriptions.reserve(question.channels.size());
  for (const std::string& channel : question.channels) {
    answer.subscriptions.push_back(host.fanout.count_listeners(channel));
  }
  return answer;
}

}  // namespace wskit::server::people
