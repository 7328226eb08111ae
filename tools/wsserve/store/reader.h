// The thread that reads ranges of channels from the file, one after the other, on
// a connection of its own.
//
// Threads: post from any thread; start and stop the owner's.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "wsserve/store/database.h"
#include "wsserve/store/store.h"

namespace wskit::server::store {

class Reader {
 public:
  // Opens the file. Throws SqlError.
  explicit Reader(const std::string& path);
  ~Reader();

  // `remark`, `caught`: as in Callbacks.
  void start(std::function<void(const std::string& line)> remark,
             std::function<void(const char* where)> caught);
  // Ends the thread and closes the file. What was not read yet is dropped.
  void stop();

  // As in Store.
  void read(StoredChannel& channel, std::uint64_t after, std::uint64_t up_to, std::size_t max_bytes,
            std::function<void(Part)> then);
  void locate(StoredChannel& channel, protocol::SystemMicros time, std::function<void(Located)> then);

  [[nodiscard]] std::uint64_t read_events() const { return read_events_.load(std::memory_order_relaxed); }
  // Those found missing or damaged that were to be kept, as long as they are.
  [[nodiscard]] std::uint64_t damaged_events() const;

 private:
  // The connection and its statements.
  struct File;

  void post(std::function<void()> task);
  void run();
  using Clock = std::chrono::steady_clock;

  // Reads the rows that follow `after`, until the first one that is not as it should be.
  // Where that is the very first one, it and its like are passed over.
  void read_rows(const StoredChannel& channel, std::uint64_t after, std::uint64_t up_to,
                 std::size_t max_bytes, Part& part);
  // The first event behind `bad`, which lies on a page that cannot be read, from which
  // on pages can; up_to + 1 if there is none.
  std::uint64_t next_readable(const StoredChannel& channel, std::uint64_t bad, std::uint64_t up_to);
  void note_damage(const StoredChannel& channel, std::uint64_t first, std::uint64_t last);
  void note_good(const StoredChannel& channel, const Part& part);
  Part read_now(const StoredChannel& channel, std::uint64_t after, std::uint64_t up_to,
                std::size_t max_bytes);
  Located locate_now(const StoredChannel& channel, protocol::SystemMicros time);
  Located search(const StoredChannel& channel, protocol::SystemMicros time);

  std::unique_ptr<File> file_;
  std::function<void(const char* where)> caught_;
  std::thread thread_;
  std::atomic<std::uint64_t> read_events_{0};
  std::function<void(const std::string& line)> remark_;
  Clock::time_point next_remark_{};
  std::uint64_t unremarked_ = 0;  // damage that no line has told yet

  mutable std::mutex damage_mutex_;
  // Guarded by damage_mutex_. The last event by the channel and the first one.
  std::map<std::pair<const StoredChannel*, std::uint64_t>, std::uint64_t> damage_;

  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
};

}  // namespace wskit::server::store
