// `BusMember` is one shard on the bus: it calls the function for each order and question.
//
// Threads: the shard's, but for post().
#pragma once

#include "wsserve/cluster/local_bus.h"

namespace wskit::server {

struct CommandHost;

namespace people {

class BusMember final : public cluster::Member {
 public:
  explicit BusMember(CommandHost& host) : host_(host) {}

  void post(std::function<void()> task) override;
  void announce_to_all(const std::string& channel, const ChunkPtr& frame) override;
  void announce_to(std::uint64_t connection, const std::string& channel, const ChunkPtr& frame) override;
  void reload_presence(const cluster::ReloadPresence& order) override;
  [[nodiscard]] std::optional<cluster::Answer> answer(const cluster::Question& question) noexcept override;

 private:
  CommandHost& host_;
};

}  // namespace people
}  // namespace wskit::server
