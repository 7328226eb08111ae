#include "wsserve/cluster/bus.h"

#include <algorithm>
#include <iterator>

namespace wskit::server::cluster {

Answer joined(Answers answers) {
  Answer whole;
  for (Answer& each : answers.by_member) {
    whole.count += each.count;
    std::ranges::move(each.entries, std::back_inserter(whole.entries));
    if (whole.subscriptions.size() < each.subscriptions.size()) {
      whole.subscriptions.resize(each.subscriptions.size());
    }
    for (std::size_t i = 0; i < each.subscriptions.size(); ++i) {
      whole.subscriptions[i] += each.subscriptions[i];
    }
  }
  return whole;
}

}  // namespace wskit::server::cluster
