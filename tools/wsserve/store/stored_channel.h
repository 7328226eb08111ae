// One channel's handle in the store.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "wsserve/broker/retention.h"
#include "wsserve/store/channel_state.h"

namespace wskit::server::store {

// Rows of ids and sequences stay a while after their events can no longer be read.
using broker::Retention;

// Threads: any thread, but for what is said to be the writer's. Lives as long as
// the store.
class StoredChannel {
 public:
  StoredChannel(std::string name, std::string epoch, const Retention& retention)
      : name_(std::move(name)), epoch_(std::move(epoch)), retention_(retention) {}
  StoredChannel(const StoredChannel&) = delete;
  StoredChannel& operator=(const StoredChannel&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& epoch() const { return epoch_; }

  // The offset of the newest event when the store was opened; 0: there was none.
  [[nodiscard]] std::uint64_t newest_at_open() const { return newest_at_open_; }

  // The offset of the oldest event that can still be read; that of the newest
  // stored event + 1 if none can. Never goes back.
  [[nodiscard]] std::uint64_t oldest() const { return oldest_.load(std::memory_order_acquire); }

  // Takes effect with the channel's next commit, or within some seconds.
  void set_retention(const Retention& retention) {
    const std::lock_guard lock(mutex_);
    retention_ = retention;
  }
  [[nodiscard]] Retention retention() const {
    const std::lock_guard lock(mutex_);
    return retention_;
  }

  // --- For the store's own parts ---

  // The channel's number in the file; 0 until its first event was appended.
  [[nodiscard]] std::int64_t id() const { return id_.load(std::memory_order_acquire); }
  // Nothing of it is in the file or on its way there.
  [[nodiscard]] bool is_unused() const { return id() == 0; }
  void set_id(std::int64_t id) { id_.store(id, std::memory_order_release); }

  // REQUIRES: the store was not started yet.
  void set_newest_at_open(std::uint64_t newest) { newest_at_open_ = newest; }

  // The writer's.
  [[nodiscard]] ChannelState& state() { return state_; }
  void let_go_before(std::uint64_t oldest) { oldest_.store(oldest, std::memory_order_release); }

  // When the newest event whose row was deleted had been received. Any thread.
  [[nodiscard]] protocol::SystemMicros deleted_received() const {
    return deleted_received_.load(std::memory_order_acquire);
  }
  void set_deleted_received(protocol::SystemMicros time) {
    deleted_received_.store(time, std::memory_order_release);
  }

 private:
  const std::string name_;
  const std::string epoch_;
  std::uint64_t newest_at_open_ = 0;
  std::atomic<std::int64_t> id_{0};
  std::atomic<std::uint64_t> oldest_{1};
  std::atomic<protocol::SystemMicros> deleted_received_{protocol::SystemMicros::min()};
  ChannelState state_;

  mutable std::mutex mutex_;
  Retention retention_;  // guarded by mutex_
};

}  // namespace wskit::server::store
