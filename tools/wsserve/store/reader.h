// The thread that reads ranges of channels from the file, one after the other, on
// a connection of its own.
//
// Threads: post from any thread; start and stop the owner's.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "wsserve/store/database.h"
#include "wsserve/store/store.h"

namespace wskit::server::store {

class Reader {
 public:
  // Opens the file. Throws SqlError.
  explicit Reader(const std::string& path);
  ~Reader();

  void start();
  // Ends the thread and closes the file. What was not read yet is dropped.
  void stop();

  // As in Store.
  void read(StoredChannel& channel, std::uint64_t after, std::uint64_t up_to, std::size_t max_bytes,
            std::function<void(Part)> then);
  void locate(StoredChannel& channel, protocol::SystemMicros time, std::function<void(Located)> then);

  [[nodiscard]] std::uint64_t read_events() const { return read_events_.load(std::memory_order_relaxed); }

 private:
  // The connection and its statements.
  struct File;

  void post(std::function<void()> task);
  void run();
  Part read_now(const StoredChannel& channel, std::uint64_t after, std::uint64_t up_to,
                std::size_t max_bytes);
  Located locate_now(const StoredChannel& channel, protocol::SystemMicros time);

  std::unique_ptr<File> file_;
  std::thread thread_;
  std::atomic<std::uint64_t> read_events_{0};

  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
};

}  // namespace wskit::server::store
