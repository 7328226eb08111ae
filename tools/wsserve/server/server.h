// The server: its listeners, its shards, and what they share.
//
// Threads: used by the main thread; ServerView by any.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wsserve/broker/memory_broker.h"
#include "wsserve/channel/hub.h"
#include "wsserve/cluster/local_bus.h"
#include "wsserve/limits/admission.h"
#include "wsserve/log/incidents.h"
#include "wsserve/loop/inbox.h"
#include "wsserve/loop/owned_fd.h"
#include "wsserve/presence/people.h"
#include "wsserve/server/shard.h"
#include "wsserve/settings.h"
#include "wsserve/transport/listener.h"

namespace wskit::server {

class Server final : public ServerView {
 public:
  // Listeners are given ready-made, so that a port in use is known before any
  // thread runs. At most 64 shards.
  // `broker`: not yet started.
  Server(Settings settings, std::size_t shards, std::vector<std::unique_ptr<Listener>> listeners,
         std::unique_ptr<broker::Broker> broker = std::make_unique<broker::MemoryBroker>());
  ~Server();

  // Who did what is written there; it outlives the server. REQUIRES: not started.
  void keep_audit(AuditLog* audit) { audit_ = audit; }

  // The log outlives the server. REQUIRES: not started.
  void keep_log(ServerLog* log) { log_ = log; }

  // `health_changed`, `remark`: as in broker::Callbacks.
  void start(std::function<void(const std::string& problem)> health_changed = {},
             std::function<void(const std::string& line)> remark = {});

  // Takes in a connected socket, as from a listener: lets go of it if the limits turn it
  // away. On the thread of the first shard, which accepts.
  void take_in(OwnedFd socket, const PeerAddress& peer);

  // Instead of start(), for who leads the loop himself: one turn of the only shard, which
  // waits for nothing. True: there is more to do at once. REQUIRES: one shard, no listener
  // and a broker without threads.
  bool step() { return shards_.front()->step(); }

  // Stops accepting and closes every connection with 1001 and a hint to come
  // back, spread over a time that grows with their number.
  void drain();
  // Cuts off who is still connected and ends all threads; every event taken is written
  // if it can be. Safe to call twice.
  void stop();
  // Goes by other settings from now on, channels that exist too; returns when every
  // shard does, and throws if one could not. Returns how many channels stay durable, or not durable, although
  // their rule says otherwise now. REQUIRES: started.
  std::size_t reload(Settings settings);
  // Lets go of events that are too old, and forgets channels that are idle. To be
  // called now and then. REQUIRES: started.
  void tidy();
  // A line for each jump of the machine's clock since the last call.
  [[nodiscard]] std::vector<std::string> clock_jumps();

  // Lets the log tell what it has counted. To be called each second or so.
  void look_at_log();

  // Publishes the statistics, without the names of users, to @server/stats if anybody
  // listens there. To be called by the thread that calls tidy(). REQUIRES: started.
  void tell_stats();

  // Calls `answered` once each shard has been through its loop; on one of their
  // threads. REQUIRES: started.
  void ask_all(std::function<void()> answered);

  // Whether nobody is connected any more.
  [[nodiscard]] bool drained() const;

  [[nodiscard]] const ServerIdentity& identity() const override { return identity_; }
  [[nodiscard]] std::string stats(const auth::Identity& asking) const override;
  [[nodiscard]] std::string metrics() const override;
  [[nodiscard]] bool draining() const override { return draining_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::string store_problem() const override;
  [[nodiscard]] std::string store_damage() const override;
  [[nodiscard]] bool admit() override;
  void leave() override { websockets_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] Admission& admission() override { return admission_; }
  [[nodiscard]] people::People& people() override { return *people_; }
  [[nodiscard]] cluster::Bus& bus() override { return *bus_; }
  [[nodiscard]] std::size_t shard_count() const override { return shards_.size(); }
  [[nodiscard]] std::size_t subscriptions() const override;
  [[nodiscard]] AuditLog* audit() const override { return audit_; }
  [[nodiscard]] ServerLog* log() const override { return log_; }
  [[nodiscard]] Incidents& incidents() override { return incidents_; }

  [[nodiscard]] std::size_t websockets() const { return websockets_.load(std::memory_order_relaxed); }

 private:
  [[nodiscard]] std::vector<const ShardCounters*> shard_counters() const;
  [[nodiscard]] HubFigures hub_figures() const;
  // Returns when each of them has done it, between two commands.
  void on_every_shard(const std::function<void(Shard&)>& task);

  SettingsPtr settings_;                           // of the main thread
  std::atomic<std::int64_t> certificate_expires_;  // seconds since 1970; 0: no TLS
  std::atomic<std::size_t> max_connections_;
  AuditLog* audit_ = nullptr;
  ServerLog* log_ = nullptr;
  Incidents incidents_;
  const ServerIdentity identity_;
  Admission admission_;
  std::vector<std::unique_ptr<Inbox>> inboxes_;
  std::unique_ptr<broker::Broker> broker_;
  std::unique_ptr<Hub> hub_;
  std::unique_ptr<people::People> people_;
  std::unique_ptr<cluster::LocalBus> bus_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::size_t next_shard_ = 0;  // of the accepting thread
  std::atomic<std::size_t> websockets_{0};
  std::atomic<bool> draining_{false};
  std::atomic<std::size_t> loud_shards_{0};  // those that may still carry out commands
};

}  // namespace wskit::server
