// The Enter key, while there is something that it hastens.
//
// Threads: the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>

namespace wskit::tap {

class EnterKey {
 public:
  // `pressed` may call both functions below.
  EnterKey(boost::asio::io_context& io, std::function<void()> pressed);

  // Listens on standard input from now on. False, and without effect, where that is no
  // terminal, or one whose keys are for another process.
  bool listen();
  void ignore();

 private:
  void wait();
  void on_readable();

  std::function<void()> pressed_;
  boost::asio::posix::stream_descriptor input_;
  bool listening_ = false;
};

}  // namespace wskit::tap
