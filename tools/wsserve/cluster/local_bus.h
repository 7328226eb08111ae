// `LocalBus` is the bus of one process: it posts a task to each shard.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wsserve/cluster/bus.h"
#include "wsserve/frame/chunk.h"

namespace wskit::server::cluster {

// One shard, as the bus knows it. Threads: the shard's, but for post().
class Member {
 public:
  // The shard runs the task between two turns. Any thread. Throws std::bad_alloc.
  virtual void post(std::function<void()> task) = 0;

  // `frame`: the event of the announcement, encoded once for all shards.
  virtual void announce_to_all(const std::string& channel, const ChunkPtr& frame) = 0;
  // The same for the connection of that number, if it is still there.
  virtual void announce_to(std::uint64_t connection, const std::string& channel, const ChunkPtr& frame) = 0;
  virtual void reload_presence(const ReloadPresence& order) = 0;
  // Nothing: the shard could not answer.
  [[nodiscard]] virtual std::optional<Answer> answer(const Question& question) noexcept = 0;

 protected:
  ~Member() = default;
};

class LocalBus final : public Bus {
 public:
  // The members outlive the bus; each stands at the number of its shard.
  explicit LocalBus(std::vector<Member*> members) : members_(std::move(members)) {}

  // REQUIRES, of Announce::to: a shard that there is.
  void tell(const Order& order) override;
  // REQUIRES: there is a member.
  void survey(const Question& question, std::function<void(Answers)> then) override;

 private:
  void announce(const Announce& order);
  void reload_presence(const ReloadPresence& order);

  const std::vector<Member*> members_;
};

}  // namespace wskit::server::cluster
