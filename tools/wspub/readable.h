// Waits until a descriptor of somebody else can be read, without touching it:
// stdin is shared with the shell, and O_NONBLOCK on it would break the shell.
//
// Threads: the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>

namespace wskit::pub {

class Readable {
 public:
  explicit Readable(boost::asio::io_context& io) : epoll_(io) {}

  // From now on it is `fd` that is waited for; it must stay open until the next
  // call or until the end of this object. -1: none.
  void watch(int fd);

  // Whether a read would return at once: with bytes, the end, or an error.
  [[nodiscard]] bool now() const;

  // Calls `ready` once when that is so. One wait at a time.
  void async_wait(std::function<void()> ready);

  void cancel();

 private:
  // An epoll of its own stands between the descriptor and Asio, which makes
  // non-blocking whatever it waits for. Closed where `fd` is always ready.
  boost::asio::posix::stream_descriptor epoll_;
  int fd_ = -1;
};

}  // namespace wskit::pub
