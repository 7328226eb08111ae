// The client's side of one run: all of its connections, spread over its threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/client/url.h"
#include "wsbench/adapter.h"
#include "wsbench/run_context.h"
#include "wsbench/worker.h"

namespace wskit::bench {

// The Sec-WebSocket-Key of all connections. A server cannot tell, and it need not be
// worked out ten thousand times.
inline constexpr std::string_view kSharedKey = "d3NraXQgd3NiZW5jaCBrZQ==";

// How long connecting may stand still.
inline constexpr Nanos kConnectTimeout = 10 * kSecond;

// Where to measure. `process`: the server's, if it is known and on this host.
struct Server {
  client::Url url;
  std::shared_ptr<ssl_ctx_st> tls;  // where the URL says wss
  std::string headers;              // more lines of each upgrade request, with their ends
  std::shared_ptr<const Adapter> adapter;
  std::optional<pid_t> process;
};

// Lets the main thread sleep and be interrupted.
class Watch {
 public:
  virtual ~Watch() = default;
  // False if the run is to end now.
  [[nodiscard]] virtual bool sleep_until(Nanos time) = 0;
};

struct CrewPlan {
  Topology topology;
  std::size_t delivered_bytes = 200;
  bool subscribe = true;
  bool acknowledged = false;
  std::optional<std::uint32_t> window;  // none: open loop
  std::vector<int> cpus;                // empty: threads are not pinned
  std::size_t threads = 1;
  double connect_rate = 0;  // all together; 0: as fast as they go
};

// Sums over the workers, at some moment.
struct CrewCounters {
  std::uint64_t open = 0;
  std::uint64_t failed = 0;
  std::uint64_t lost = 0;
  std::uint64_t probed = 0;
  std::uint64_t deliveries = 0;
  std::uint64_t acks = 0;
};

// Threads: one.
class Crew {
 public:
  Crew(const CrewPlan& plan, const Server& server);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // Begins to connect.
  void start();

  // Waits until `reached` is true of the counters; false if it was not by `timeout`
  // after the counters last moved, if the run failed or was interrupted.
  using Condition = std::function<bool(const CrewCounters&)>;
  [[nodiscard]] bool wait(Watch& watch, Nanos timeout, const Condition& reached);

  // Lets the workers pump their publishers.
  void poke();

  // Ends the threads and their connections.
  void finish();

  [[nodiscard]] RunContext& context() { return context_; }
  [[nodiscard]] std::size_t connections() const { return connections_; }
  [[nodiscard]] CrewCounters counters() const;
  // Of each worker.
  [[nodiscard]] std::vector<ThreadLoad> loads() const;

  // After finish().
  [[nodiscard]] WorkerResults results() const;

  // Of the thread that keeps the schedule: the workers'.
  [[nodiscard]] const std::vector<int>& cpus() const { return plan_.cpus; }

 private:
  CrewPlan plan_;
  std::shared_ptr<const Adapter> adapter_;
  RunContext context_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::size_t connections_ = 0;
};

}  // namespace wskit::bench
