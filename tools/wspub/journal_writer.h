// Brings the newest journal entry to the disk in a thread of its own, so that
// publishing does not wait for it. Entries that a newer one overtakes are never
// written.
//
// Threads: the owner's; callbacks come on the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "wspub/journal_file.h"

namespace wskit::pub {

class JournalWriter {
 public:
  // `file` is the writer's until finish(). `written` is called on the loop after
  // each write; the destructor ends that.
  JournalWriter(boost::asio::io_context& io, JournalFile& file, JournalEntry on_disk,
                std::function<void()> written);
  ~JournalWriter();
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  // Makes this the entry to be written next.
  void write(const JournalEntry& entry);

  // Returns once the newest entry is on the disk, or cannot be brought there.
  void finish();

  // How far the disk is, and what went wrong (empty: nothing so far). After a
  // failure nothing more is written.
  struct State {
    std::uint64_t records_on_disk = 0;
    std::string error;
  };
  [[nodiscard]] State state() const;

  // Between the starts of two writes: the disk is others' too.
  static constexpr std::chrono::milliseconds kPause{5};

 private:
  void run();

  boost::asio::io_context& io_;
  JournalFile& file_;
  std::shared_ptr<std::function<void()>> written_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  JournalEntry wanted_;  // this and the following are guarded by mutex_
  JournalEntry on_disk_;
  std::string error_;
  bool finishing_ = false;

  std::thread thread_;
};

}  // namespace wskit::pub
