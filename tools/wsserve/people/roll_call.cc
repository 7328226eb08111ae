#include "wsserve/people/roll_call.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <mutex>
#include <utility>

#include "wsserve/connection/connection.h"
#include "wsserve/people/people.h"
#include "wsserve/shard.h"

namespace wskit::server::people {
namespace {

struct Gathering {
  std::mutex mutex;
  // Guarded by mutex.
  std::map<std::size_t, Answer> answers;  // by shard

  // All of them, in the order of the shards.
  Answer joined() {
    Answer whole;
    for (auto& [shard, answer] : answers) {
      whole.count += answer.count;
      std::ranges::move(answer.entries, std::back_inserter(whole.entries));
    }
    return whole;
  }
};

}  // namespace

void take_roll_call(Shard& shard, Connection& asking, std::function<Answer(Shard&)> ask,
                    std::function<void(Connection&, const Answer&)> then) {
  asking.suspend();
  const auto gathering = std::make_shared<Gathering>();
  const auto come_back = [&shard, gathering, number = asking.number(), then = std::move(then)] {
    Connection* waiting = shard.find(number);
    if (waiting == nullptr || !waiting->is_suspended()) return;
    waiting->resume([&](Connection& connection) { then(connection, gathering->joined()); });
  };
  const std::size_t shards = shard.server().shard_count();
  shard.server().people().on_every_shard(
      [&shard, gathering, shards, ask = std::move(ask), come_back](Shard& asked) {
        Answer answer = ask(asked);
        const std::lock_guard lock(gathering->mutex);
        gathering->answers.emplace(asked.index(), std::move(answer));
        if (gathering->answers.size() == shards) shard.post(come_back);
      });
}

std::string as_array(const Answer& answer, std::size_t limit, std::size_t max_bytes) {
  std::string text = "[";
  for (std::size_t i = 0; i < std::min(limit, answer.entries.size()); ++i) {
    if (i > 0 && text.size() + answer.entries[i].size() > max_bytes) break;
    if (i > 0) text += ',';
    text += answer.entries[i];
  }
  return text + "]";
}

}  // namespace wskit::server::people
