// SIGINT and SIGTERM as an orderly stop, SIGUSR1 as a question.
//
// Threads: the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

namespace wskit::cli {

class Signals {
 public:
  // `stop` is called at the first SIGINT or SIGTERM (with its number); both then
  // have their default action again, so that a second one ends the process at
  // once. `report` is called at each SIGUSR1. A signal that was ignored when the
  // process began (nohup, a background job of sh) stays so.
  Signals(boost::asio::io_context& io, std::function<void(int)> stop, std::function<void()> report);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // So that the io_context can run out of work.
  void cancel();

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace wskit::cli
