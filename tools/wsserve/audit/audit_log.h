// A file of JSON lines that says who did what (docs/operations.md, "Audit log").
//
// A line is handed over at once and written by a thread of the log's own, so that a
// slow disk never makes a shard wait. What waits is bounded; lines that find no room,
// or cannot be written, are counted, and the next line that can be says how many.
//
// Threads: any thread, but for open and the destructor.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "common/protocol/error.h"

namespace wskit::server {

class AuditLog {
 public:
  struct Options {
    std::string path;
    bool with_data = false;  // the data of published events as well
    std::size_t max_waiting_bytes = std::size_t{8} << 20;
  };

  // The file is appended to, and made for its owner alone. An error names it and why.
  [[nodiscard]] static protocol::Result<std::unique_ptr<AuditLog>> open(Options options);
  // Writes what waits.
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  [[nodiscard]] bool with_data() const { return options_.with_data; }

  // `line`: one JSON object without a line end.
  void write(std::string_view line);

  // The file may have been moved away: what comes from now on goes to the one at its
  // path, and with it what a pipe that nobody reads has not taken yet. On an error the
  // old file stays in use.
  [[nodiscard]] protocol::Result<void> reopen();

  // Lines that never came into the file.
  [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  AuditLog(Options options, int fd);

  // Whether another file takes the place of the one that is written.
  enum class Successor : bool { kMayCome, kIsThere };
  enum class Room : std::uint8_t { kHere, kElsewhere, kNowhere };

  void run();
  // Returns how much of `text` is done with, written or counted as lost: all of it,
  // unless there is no room and another file takes the rest, from the beginning of a line.
  std::size_t write_batch(std::string_view text, Successor successor);
  std::size_t try_to_write(std::string_view text, Successor successor);
  void count_lost(std::string_view lines);
  // Of a pipe that nobody reads for now.
  Room wait_for_room(Successor successor);

  const Options options_;
  std::atomic<std::uint64_t> lost_{0};

  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::string waiting_;
  int next_fd_ = -1;  // takes the place of fd_ behind what waited when it was opened
  std::size_t bytes_before_next_ = 0;
  bool stopping_ = false;

  // Of the thread.
  int fd_;
  bool mid_line_ = false;        // a line was cut by an error
  std::uint64_t lost_told_ = 0;  // of lost_, in the file

  std::thread thread_;
};

}  // namespace wskit::server
