#include "wsserve/loop/poller.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace wskit::server {

Poller::Poller() : epoll_fd_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_fd_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Poller::~Poller() { ::close(epoll_fd_); }

bool Poller::add(int fd, std::uint32_t events, Pollable* owner) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = owner;
  return ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::change(int fd, std::uint32_t events, Pollable* owner) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = owner;
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event);
}

void Poller::remove(int fd) { ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr); }

void Poller::wait(int timeout_ms) {
  const int count = ::epoll_wait(epoll_fd_, ready_.data(), static_cast<int>(ready_.size()), timeout_ms);
  ready_count_ = count > 0 ? static_cast<std::size_t>(count) : 0;
}

void Poller::dispatch() {
  for (std::size_t i = 0; i < ready_count_; ++i) {
    static_cast<Pollable*>(ready_[i].data.ptr)->on_ready(ready_[i].events);
  }
  ready_count_ = 0;
}

}  // namespace wskit::server
