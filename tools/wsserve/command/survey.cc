#include "wsserve/command/survey.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "wsserve/command/command_host.h"
#include "wsserve/connection/connection.h"
#include "wsserve/log/incidents.h"

namespace wskit::server::people {

void survey(CommandHost& host, Connection& asking, const cluster::Question& question,
            std::function<void(const cluster::Answer&)> then) {
  asking.suspend();
  const auto come_back = [&host, number = asking.number(), then = std::move(then)](cluster::Answers answers) {
    Connection* waiting = host.find(number);
    if (waiting == nullptr || !waiting->is_suspended()) return;
    host.guard(*waiting, "a survey", [&] {
      if (answers.failed > 0) throw std::runtime_error("a shard could not answer");
      const cluster::Answer whole = cluster::joined(std::move(answers));
      waiting->resume([&] { then(whole); });
    });
  };
  host.server.bus().survey(question, [&host, come_back](cluster::Answers answers) {
    // The thread of another shard: only the inbox of `host` may be used.
    try {
      host.inbox.post([come_back, answers = std::move(answers)]() mutable { come_back(std::move(answers)); });
    } catch (...) {
      host.server.incidents().caught("a survey");
      host.inbox.lose_answer();
    }
  });
}

std::string as_array(const cluster::Answer& answer, std::size_t limit, std::size_t max_bytes) {
  std::string text = "[";
  for (std::size_t i = 0; i < std::min(limit, answer.entries.size()); ++i) {
    if (i > 0 && text.size() + answer.entries[i].size() > max_bytes) break;
    if (i > 0) text += ',';
    text += answer.entries[i];
  }
  return text + "]";
}

}  // namespace wskit::server::people
