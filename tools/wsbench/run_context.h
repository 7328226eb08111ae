// What the threads of one run share: the plan, which does not change, and the few
// values by which they watch each other.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "wsbench/adapter.h"
#include "wsbench/clock.h"
#include "wsbench/publisher.h"
#include "wsbench/secure_socket.h"
#include "wsbench/socket.h"
#include "wsbench/stamp.h"
#include "wsbench/topology.h"

namespace wskit::bench {

// Why a run cannot go on or is not worth what it says. The first one is kept.
struct Failure {
  enum class Kind : std::uint8_t { kUnreachable, kRefused, kLost };
  Kind kind;
  std::string message;
};

// Behind a refusal for want of a token.
inline constexpr const char* kTokenHint = "; it takes a token: --token-file FILE";

struct ConnectPlan {
  Endpoint endpoint;
  std::string host;               // of the Host header
  std::string headers;            // more lines of the request, with their ends
  SecureServer tls;               // no context: plain
  std::string key;                // Sec-WebSocket-Key of all connections
  std::string accept;             // what it must be answered with
  std::size_t in_progress = 256;  // handshakes of one thread at a time
  double per_second = 0;          // of one thread; 0: as fast as they go
  bool subscribe = true;
};

struct RunContext {
  // Constant while the run lasts.
  Topology topology;
  const Adapter* adapter = nullptr;
  ConnectPlan connect;
  RunText run{};
  Nanos base = 0;
  bool acknowledged = false;  // publishes are answered, and nobody subscribes
  bool open_loop = false;
  std::vector<std::unique_ptr<Publisher>> publishers;

  // Events due in [measure_from, measure_to), since the base, are measured.
  std::atomic<Nanos> measure_from{INT64_MAX};
  std::atomic<Nanos> measure_to{INT64_MAX};
  // From here on a connection that ends is a fault.
  std::atomic<bool> leaving{false};

  // Whether events are to come.
  [[nodiscard]] bool delivers() const { return connect.subscribe && topology.publishers != 0; }

  void fail(Failure::Kind kind, std::string message) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = Failure{kind, std::move(message)};
    failed_.store(true, std::memory_order_release);
  }
  [[nodiscard]] bool failed() const { return failed_.load(std::memory_order_acquire); }
  [[nodiscard]] std::optional<Failure> failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Failure> failure_;  // guarded by mutex_
  std::atomic<bool> failed_{false};
};

}  // namespace wskit::bench
