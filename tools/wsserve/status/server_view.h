// What the shards and the pages ask of the server as a whole.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <string>

namespace wskit::server {

class Admission;
class AuditLog;
class Incidents;
class ServerLog;
struct ServerIdentity;
namespace auth {
struct Identity;
}  // namespace auth
namespace cluster {
class Bus;
}  // namespace cluster
namespace people {
class People;
}  // namespace people

class ServerView {
 public:
  [[nodiscard]] virtual const ServerIdentity& identity() const = 0;
  // With the users that `asking` may know of: for administrators all, else themselves.
  [[nodiscard]] virtual std::string stats(const auth::Identity& asking) const = 0;
  // The same for Prometheus.
  [[nodiscard]] virtual std::string metrics() const = 0;
  [[nodiscard]] virtual bool draining() const = 0;
  // Why durable channels take no events now; empty: they do.
  [[nodiscard]] virtual std::string store_problem() const = 0;
  // What is wrong with the store that does not keep it from being written; empty: nothing.
  [[nodiscard]] virtual std::string store_damage() const = 0;
  // Counts a WebSocket that is about to open; false if there are too many.
  [[nodiscard]] virtual bool admit() = 0;
  virtual void leave() = 0;
  [[nodiscard]] virtual Admission& admission() = 0;
  [[nodiscard]] virtual people::People& people() = 0;
  [[nodiscard]] virtual cluster::Bus& bus() = 0;
  [[nodiscard]] virtual std::size_t shard_count() const = 0;
  // Of all connections together.
  [[nodiscard]] virtual std::size_t subscriptions() const = 0;
  // Null: there is none.
  [[nodiscard]] virtual AuditLog* audit() const = 0;
  [[nodiscard]] virtual ServerLog* log() const = 0;
  [[nodiscard]] virtual Incidents& incidents() = 0;

 protected:
  ~ServerView() = default;
};

}  // namespace wskit::server
