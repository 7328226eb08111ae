// The yardstick: what one thread can deliver on this machine if it does nothing but
// write. Bare epoll; publishers bring frames ready made (limit_wire.h), each channel
// joins those of one turn of the loop to a run, and each subscriber gets the run in
// one send. No parsing, no building, no locking, no limits.
//
// It is not a server for anything else: it believes its peers.
//
// Threads: one, in run().
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "wsbench/socket.h"

namespace wskit::bench {

class LimitServer {
 public:
  // Listens on a free port of 127.0.0.1. `accept` is the Sec-WebSocket-Accept of
  // each upgrade: all of its clients use one key. Throws std::system_error.
  explicit LimitServer(std::string accept);
  ~LimitServer();
  LimitServer(const LimitServer&) = delete;
  LimitServer& operator=(const LimitServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }

  // Serves until stop().
  void run();

  // From any thread or a signal handler.
  void stop();

 private:
  class Loop;
  std::uint16_t port_ = 0;
  Descriptor listener_;
  Descriptor wake_;
  std::unique_ptr<Loop> loop_;
};

}  // namespace wskit::bench
