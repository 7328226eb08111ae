#include "wsserve/command/roll_call.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

#include "wsserve/command/command_host.h"
#include "wsserve/connection/connection.h"
#include "wsserve/presence/people.h"

namespace wskit::server::people {
namespace {

struct Gathering {
  std::mutex mutex;
  // Guarded by mutex.
  std::map<std::size_t, Answer> answers;  // by shard
  std::size_t left = 0;                   // shards that have not answered
  bool failed = false;                    // one of them threw

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

void take_roll_call(CommandHost& host, Connection& asking, std::function<Answer(CommandHost&)> ask,
                    std::function<void(const Answer&)> then) {
  asking.suspend();
  const auto gathering = std::make_shared<Gathering>();
  const auto come_back = [&host, gathering, number = asking.number(), then = std::move(then)] {
    Connection* waiting = host.find(number);
    if (waiting == nullptr || !waiting->is_suspended()) return;
    host.guard(*waiting, "a roll call", [&] {
      if (gathering->failed) throw std::runtime_error("a shard could not answer");
      waiting->resume([&] { then(gathering->joined()); });
    });
  };
  gathering->left = host.server.shard_count();
  host.server.people().on_every_shard(
      [&host, gathering, ask = std::move(ask), come_back](CommandHost& asked) {
        std::optional<Answer> answer;
        const bool whole = asked.guard("a roll call", [&] { answer = ask(asked); });
        const std::lock_guard lock(gathering->mutex);
        const bool kept = whole && asked.guard("a roll call", [&] {
          gathering->answers.emplace(asked.index, std::move(*answer));
        });
        gathering->failed = gathering->failed || !kept;
        if (--gathering->left > 0) return;
        if (!asked.guard("a roll call", [&] { host.inbox.post(come_back); })) host.inbox.lose_answer();
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
