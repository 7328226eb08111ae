// Runs the loop of a test until what it waits for has come true.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>

namespace wskit::testing {

// False if `done` has not come true within a time that is far longer than
// anything under test takes.
template <class Condition>
[[nodiscard]] bool run_until(boost::asio::io_context& io, Condition done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    io.restart();
    io.run_one_for(std::chrono::milliseconds{100});
  }
  return true;
}

}  // namespace wskit::testing
