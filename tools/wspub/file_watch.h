// Waits until a file may have grown, or its name may stand for another one.
//
// Threads: the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>

namespace wskit::pub {

class FileWatch {
 public:
  explicit FileWatch(boost::asio::io_context& io) : events_(io), timer_(io) {}

  // From now on it is this file that is watched, and its name.
  void watch(const std::string& path);

  // Calls `changed` once when something may have happened since watch(), or since
  // the last call; at times also without a reason. One wait at a time.
  void async_wait(std::function<void()> changed);

  void cancel();

 private:
  void wake();

  boost::asio::posix::stream_descriptor events_;  // inotify
  boost::asio::steady_timer timer_;
  std::function<void()> changed_;
};

}  // namespace wskit::pub
