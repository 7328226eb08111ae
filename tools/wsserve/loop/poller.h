// The shard's view of epoll: who is ready, once a turn.
//
// Not Asio, on purpose: a turn of the loop must have an end that the fan-out can
// hang its one flush on, an idle connection must cost no more than its entry in
// the kernel's set, and Asio asks the kernel anew (epoll_ctl) after each read.
//
// Threads: one, the shard's.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>

namespace wskit::server {

// Something with a descriptor. Level-triggered: a ready one that does not read
// is told again on the next turn.
class Pollable {
 public:
  virtual void on_ready(std::uint32_t events) = 0;

 protected:
  ~Pollable() = default;
};

class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // False if the kernel refuses (out of memory or watches).
  [[nodiscard]] bool add(int fd, std::uint32_t events, Pollable* owner);
  void change(int fd, std::uint32_t events, Pollable* owner);
  void remove(int fd);

  // Waits at most `timeout_ms` (-1: for ever) for up to 512 owners to be ready.
  void wait(int timeout_ms);
  // Calls on_ready of those that wait() found. An owner must stay alive until
  // the call returns even if another one's on_ready closed it: destroy between
  // turns.
  void dispatch();

 private:
  int epoll_fd_;
  std::array<epoll_event, 512> ready_;
  std::size_t ready_count_ = 0;
};

}  // namespace wskit::server
