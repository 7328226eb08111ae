#include "wspub/readable.h"

#include <poll.h>
#include <sys/epoll.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <system_error>
#include <utility>

namespace wskit::pub {

void Readable::watch(int fd) {
  boost::system::error_code ignored;
  epoll_.close(ignored);
  fd_ = fd;
  if (fd < 0) return;
  const int own = epoll_create1(EPOLL_CLOEXEC);
  if (own < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  epoll_.assign(own);
  epoll_event event{};
  event.events = EPOLLIN;
  // Refused for regular files and the like, which are always ready.
  if (epoll_ctl(own, EPOLL_CTL_ADD, fd, &event) != 0) epoll_.close(ignored);
}

bool Readable::now() const {
  if (!epoll_.is_open()) return true;
  pollfd entry{.fd = fd_, .events = POLLIN, .revents = 0};
  const int ready = poll(&entry, 1, 0);
  // A signal says nothing of the descriptor: a read might wait for ever.
  return ready > 0 || (ready < 0 && errno != EINTR);
}

void Readable::async_wait(std::function<void()> ready) {
  if (!epoll_.is_open()) {
    boost::asio::post(epoll_.get_executor(), std::move(ready));
    return;
  }
  epoll_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                    [ready = std::move(ready)](const boost::system::error_code& error) {
                      if (!error) ready();
                    });
}

void Readable::cancel() {
  boost::system::error_code ignored;
  epoll_.cancel(ignored);
}

}  // namespace wskit::pub
