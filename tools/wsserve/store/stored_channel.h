// One channel's handle in the store.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "wsserve/dedup_window.h"
#include "wsserve/history.h"

namespace wskit::server::store {

// What is kept of a channel: `history` says which events may be read, `dedup`
// which ids must be remembered (their rows stay a while after they can no longer
// be read). As in a History, a zero number keeps nothing and a zero age means
// for ever.
struct Retention {
  HistoryLimits history;
  DedupLimits dedup;

  bool operator==(const Retention&) const = default;
};

// Threads: any thread. Lives as long as the store.
class StoredChannel {
 public:
  StoredChannel(std::string name, std::string epoch, std::uint64_t newest, const Retention& retention);
  StoredChannel(const StoredChannel&) = delete;
  StoredChannel& operator=(const StoredChannel&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& epoch() const { return epoch_; }

  // The offset of the newest event when the store was opened; 0: there was none.
  [[nodiscard]] std::uint64_t newest_at_open() const { return newest_at_open_; }

  // The offset of the oldest event that can still be read; that of the newest
  // stored event + 1 if none can. Never goes back.
  [[nodiscard]] std::uint64_t oldest() const { return oldest_.load(std::memory_order_acquire); }

  // Takes effect with the next commit, or within a second.
  void set_retention(const Retention& retention);
  [[nodiscard]] Retention retention() const;

 private:
  friend class ChannelBook;

  const std::string name_;
  const std::string epoch_;
  const std::uint64_t newest_at_open_;
  std::atomic<std::uint64_t> oldest_;

  mutable std::mutex mutex_;
  Retention retention_;  // guarded by mutex_
};

}  // namespace wskit::server::store
