// The thread that puts events into the file: takes whatever has queued, commits
// it, tells the channels, and goes on with what has queued meanwhile. When the
// file cannot be written it takes everything back and tries again each second.
//
// Threads: start and stop the owner's; figures from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "wsserve/store/append_queue.h"
#include "wsserve/store/store.h"
#include "wsserve/store/store_file.h"
#include "wsserve/store/transactions.h"
#include "wsserve/store/trimmer.h"

namespace wskit::server::store {

class Writer {
 public:
  // All outlive the writer; `database` and `file` are its own from start() to stop().
  Writer(Database& database, StoreFile& file, AppendQueue& queue, Trimmer& trimmer,
         std::function<protocol::SystemMicros()> clock);
  ~Writer();

  void start(Callbacks callbacks);
  // Writes what is queued, if it can be written, and ends the thread.
  void stop();

  // Fills in what the writer counts, and whether it can write.
  void add_figures(Status& status) const;

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  void turn();
  void write_taken();
  // The next records to commit together.
  void cut_batch();
  void commit_batch();
  void tell_committed();
  void keep_house();
  // One transaction, before and after which the file is looked at.
  void commit(std::vector<Record>& records, std::uint64_t rows_to_delete);
  void delete_old_rows();
  void checkpoint();
  // The log cannot begin anew, or can again.
  void note_log(bool blocked);
  void fail(const std::string& reason);
  void take_back(const std::string& reason);
  void caught(const char* where) noexcept;
  // What the callback throws ends the callback.
  template <class Callback>
  void tell(const char* where, const Callback& callback) noexcept;
  void tell_settled() noexcept;
  void try_again();
  void set_reason(std::string reason);
  [[nodiscard]] std::string reason() const;

  Database& database_;
  StoreFile& file_;
  AppendQueue& queue_;
  Trimmer& trimmer_;
  Transactions transactions_;
  const std::function<protocol::SystemMicros()> clock_;
  Callbacks callbacks_;
  std::thread thread_;

  // The thread's own.
  std::vector<Record> taken_;  // from the queue
  std::size_t committed_ = 0;  // of taken_
  std::vector<Record> batch_;
  std::vector<Record> lost_;  // that are being taken back
  bool taking_back_ = false;
  std::optional<Clock::time_point> next_try_;  // while the file cannot be written
  Clock::time_point next_sweep_{};
  Clock::time_point next_look_{};  // at the file
  int checkpointed_pages_ = 0;     // of the write-ahead log
  Clock::time_point next_wait_{};  // for those who read it
  std::optional<Clock::time_point> blocked_since_;
  bool told_blocked_ = false;

  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> stored_events_{0};
  std::atomic<std::uint64_t> failed_events_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> trials_{0};
  std::atomic<std::int64_t> last_commit_micros_{0};
  std::atomic<std::uint64_t> last_commit_events_{0};
  std::atomic<Clock::rep> blocked_since_ticks_{0};  // 0: the log is not blocked

  mutable std::mutex mutex_;
  std::string reason_;  // guarded by mutex_; why it cannot write
};

}  // namespace wskit::server::store
