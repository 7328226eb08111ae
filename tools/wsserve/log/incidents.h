// Exceptions that were caught at a boundary: counted for /metrics, and told to the log.
// Whatever was thrown, no more ends than what it was thrown by.
//
// A line names the place and the kind of exception. The text of one is told only where
// it can hold nothing that came from outside: that of the standard library's own.
//
// Threads: any, but for tell_by().
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

namespace wskit::server {

class Incidents {
 public:
  // How long a place that has told of one tells of no other: those are counted, and told
  // with the next.
  static constexpr std::chrono::seconds kQuiet{10};

  // Where lines go, on the thread of whoever caught. REQUIRES: no other thread runs yet.
  void tell_by(std::function<void(const std::string& line)> tell) { tell_ = std::move(tell); }

  // REQUIRES: called while an exception is handled. `where`: a literal, such as "a
  // connection's request". True: there was no memory.
  bool caught(const char* where) noexcept;

  [[nodiscard]] std::uint64_t total() const { return total_.load(std::memory_order_relaxed); }

 private:
  // What a place has told.
  struct Place {
    const char* where = nullptr;
    std::chrono::steady_clock::time_point told{};
    std::uint64_t untold = 0;
  };

  // How many of that place are to be told now; 0: none.
  std::uint64_t take_turn(const char* where);

  std::atomic<std::uint64_t> total_{0};
  std::function<void(const std::string& line)> tell_;

  std::mutex mutex_;
  // Guarded by mutex_. Those that do not fit are told each time.
  std::array<Place, 64> places_{};
};

// The exception that is being handled, in a few words. REQUIRES: one is.
[[nodiscard]] std::string describe_exception();

}  // namespace wskit::server
